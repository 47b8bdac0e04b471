// Package faultproxy is a reverse proxy in front of a store's server that breaks
// connections: before a request reaches the server, or after the server has done
// what it was asked, so that the client never learns of it.
package faultproxy

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
)

// Proxy passes requests on to a server with the Host that the client signed.
type Proxy struct {
	// URL is its address on loopback.
	URL string

	server   *httptest.Server
	mu       sync.Mutex
	cut      func(Call) bool
	calls    int
	requests []string
}

// Call is a request at one of two moments.
type Call struct {
	// Request is the request. Its body has been read once Replied.
	Request *http.Request
	// Number counts from 1 since the last Cut.
	Number int
	// Replied says that the server has answered.
	Replied bool
}

// Config says what is behind the proxy.
type Config struct {
	// Target is the address of the server.
	Target string
	// TLS has clients speak TLS with the proxy, as with the real stores.
	TLS bool
	// Transport reaches a server whose certificate is not trusted otherwise.
	Transport http.RoundTripper
}

// Start starts a proxy. The caller closes it.
func (cfg Config) Start(context.Context) (*Proxy, error) {
	at, err := url.Parse(cfg.Target)
	if err != nil {
		return nil, fmt.Errorf("the address of the server: %w", err)
	}
	p := &Proxy{}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = at.Scheme, at.Host
			r.Out.Host = r.In.Host
		},
		Transport: cfg.Transport,
		// Clients that go away in the middle are what some tests are about.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	listen := httptest.NewServer
	if cfg.TLS {
		listen = httptest.NewTLSServer
	}
	p.server = listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		number := p.begin(r)
		if p.cuts(Call{r, number, false}) {
			hangUp(w)
			return
		}
		reply := recorder{httptest.NewRecorder()}
		forward.ServeHTTP(reply, r)
		if p.cuts(Call{r, number, true}) {
			hangUp(w)
			return
		}
		for name, values := range reply.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(reply.Code)
		_, _ = w.Write(reply.Body.Bytes())
	}))
	p.URL = p.server.URL
	return p, nil
}

// recorder records the reply, without "100 Continue" and the like.
type recorder struct{ *httptest.ResponseRecorder }

func (r recorder) WriteHeader(status int) {
	if status >= http.StatusOK {
		r.ResponseRecorder.WriteHeader(status)
	}
}

func hangUp(w http.ResponseWriter) {
	if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = connection.Close()
	}
}

// Cut starts to count calls, and breaks the connections of those that when
// picks, which is asked before and after each call; nil breaks none.
func (p *Proxy) Cut(when func(Call) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.calls = when, 0
}

func (p *Proxy) begin(r *http.Request) (number int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, r.Method+" "+r.URL.RequestURI())
	p.calls++
	return p.calls
}

// cuts asks under the lock, so that what decides may keep count.
func (p *Proxy) cuts(call Call) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cut != nil && p.cut(call)
}

// Calls is how many there were since the last Cut.
func (p *Proxy) Calls() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls
}

// Requests returns all requests so far, each as its method, path and query.
func (p *Proxy) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.requests...)
}

// Client returns an HTTP client that trusts the proxy's certificate.
func (p *Proxy) Client() *http.Client { return p.server.Client() }

// Close ends the proxy.
func (p *Proxy) Close() { p.server.Close() }
