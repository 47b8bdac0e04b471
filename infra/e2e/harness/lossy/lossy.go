// Package lossy is a reverse proxy in front of a store's server that loses
// replies: the server did what it was asked, and the client never hears of it.
package lossy

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
)

// Proxy speaks TLS, as the real stores do, and passes requests on to a server on
// loopback with the Host that the client signed.
type Proxy struct {
	// URL is its address on loopback.
	URL string

	server *httptest.Server
	mu     sync.Mutex
	lose   func(*http.Request) bool
	seen   []string
}

// Start puts a proxy in front of the server at the address target.
func Start(target string) (*Proxy, error) {
	at, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("the address of the server: %w", err)
	}
	p := &Proxy{}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = at.Scheme, at.Host
			r.Out.Host = r.In.Host
		},
		// A client that goes away in the middle is what some tests are about.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	p.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !p.loses(r) {
			forward.ServeHTTP(w, r)
			return
		}
		// The server answers into a void, and then the connection closes.
		forward.ServeHTTP(httptest.NewRecorder(), r)
		if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = connection.Close()
		}
	}))
	p.URL = p.server.URL
	return p, nil
}

// Lose has the proxy lose the reply to each request that which picks; nil none.
func (p *Proxy) Lose(which func(*http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lose = which
}

func (p *Proxy) loses(r *http.Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = append(p.seen, r.Method+" "+r.URL.RequestURI())
	return p.lose != nil && p.lose(r)
}

// Requests returns the requests so far, each as its method, path and query.
func (p *Proxy) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.seen...)
}

// Client returns an HTTP client that trusts the proxy's certificate.
func (p *Proxy) Client() *http.Client { return p.server.Client() }

// Close ends the proxy.
func (p *Proxy) Close() { p.server.Close() }
