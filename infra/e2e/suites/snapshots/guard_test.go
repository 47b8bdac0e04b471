package snapshots

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// guard stands between the function and the store and sees every call.
type guard struct {
	url string

	mu     sync.Mutex
	calls  int
	strike func(call int, after bool) bool
}

// startGuard puts a guard in front of the store at the address target.
func startGuard(t *testing.T, target string) *guard {
	t.Helper()
	at, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	g := &guard{}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = at.Scheme, at.Host
			r.Out.Host = r.In.Host // which the client signed
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := g.begin()
		if g.strikes(call, false) {
			hangUp(w)
			return
		}
		reply := httptest.NewRecorder()
		forward.ServeHTTP(reply, r)
		if g.strikes(call, true) {
			hangUp(w)
			return
		}
		for name, values := range reply.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(reply.Code)
		_, _ = w.Write(reply.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

func hangUp(w http.ResponseWriter) {
	if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = connection.Close()
	}
}

// watch counts calls from 1 again and asks strike before each call and after it;
// true ends the connection there.
func (g *guard) watch(strike func(call int, after bool) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls, g.strike = 0, strike
}

func (g *guard) begin() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls++
	return g.calls
}

func (g *guard) strikes(call int, after bool) bool {
	g.mu.Lock()
	strike := g.strike
	g.mu.Unlock()
	return strike != nil && strike(call, after)
}

// counted returns the calls since watch.
func (g *guard) counted() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.calls
}
