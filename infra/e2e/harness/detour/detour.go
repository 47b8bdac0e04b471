// Package detour is an HTTPS proxy that leads every name to one server, as a hosts file
// would, so that a client can keep the hosts that are written into it.
package detour

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
)

// Proxy is a proxy that listens on loopback.
type Proxy struct {
	// URL is its address, http://127.0.0.1:port.
	URL string

	to     string
	server *httptest.Server
	mu     sync.Mutex
	names  []string
}

// Start starts a proxy to a server, given as host:port. The caller closes it.
func Start(to string) *Proxy {
	p := &Proxy{to: to}
	p.server = httptest.NewServer(p)
	p.URL = p.server.URL
	return p
}

// Names are the host:port that clients asked for, sorted, each once.
func (p *Proxy) Names() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := slices.Clone(p.names)
	slices.Sort(names)
	return slices.Compact(names)
}

// Close ends the proxy. Tunnels end with their clients.
func (p *Proxy) Close() { p.server.Close() }

// ServeHTTP opens a tunnel.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only CONNECT is served", http.StatusMethodNotAllowed)
		return
	}
	p.mu.Lock()
	p.names = append(p.names, r.Host)
	p.mu.Unlock()
	server, err := (&net.Dialer{}).DialContext(context.WithoutCancel(r.Context()), "tcp", p.to)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusOK)
	client, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = server.Close()
		return
	}
	var ends sync.WaitGroup
	ends.Go(func() {
		_, _ = io.Copy(server, buffered)
		_ = server.Close()
	})
	ends.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
}
