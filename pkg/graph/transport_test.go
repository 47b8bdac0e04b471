package graph_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// overTLS serves handler over TLS and returns a client for it.
func overTLS(t *testing.T, handler http.HandlerFunc) (*graph.Client, *httptest.Server) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	transport := graph.NewTransport()
	transport.TLSClientConfig = server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	t.Cleanup(transport.CloseIdleConnections)
	client, err := graph.New(graph.Config{BaseURL: server.URL, Tokens: oneToken{}, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

// addresses notes from which client address each request came.
type addresses struct {
	mu  sync.Mutex
	all []string
}

func (a *addresses) note(r *http.Request) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, r.RemoteAddr)
	return len(a.all)
}

func (a *addresses) distinct() int {
	set := map[string]bool{}
	for _, address := range a.all {
		set[address] = true
	}
	return len(set)
}

func page(r *http.Request, n, of int) string {
	link := ""
	if n < of {
		link = fmt.Sprintf(`"@odata.nextLink":"https://%s/v1.0/users?$skiptoken=%d",`, r.Host, n+1)
	}
	return fmt.Sprintf(`{%s"value":[{"id":"00000000-0000-4000-8000-%012d"}]}`, link, n)
}

func number(r *http.Request) int {
	n := 1
	_, _ = fmt.Sscan(r.URL.Query().Get("$skiptoken"), &n)
	return n
}

func TestTheTransportUsesTheProxyAndRefusesOldTLS(t *testing.T) {
	transport := graph.NewTransport()
	if transport.Proxy == nil {
		t.Error("HTTPS_PROXY has no meaning")
	}
	if transport.TLSClientConfig.MinVersion < 0x0303 {
		t.Errorf("TLS from version %x on", transport.TLSClientConfig.MinVersion)
	}
	if transport.Protocols.HTTP2() || transport.Protocols.UnencryptedHTTP2() {
		t.Error("HTTP/2 would let a page that stalls hold up the next")
	}
}

func TestConnectionsAreReused(t *testing.T) {
	var from addresses
	client, _ := overTLS(t, func(w http.ResponseWriter, r *http.Request) {
		from.note(r)
		_, _ = w.Write([]byte(page(r, number(r), 20)))
	})
	if n, err := readAll(t.Context(), client.Pager(graph.Query{})); n != 20 || err != nil {
		t.Fatalf("%d users, %v", n, err)
	}
	// Two take turns; now and then a third is opened before the first is free.
	if n := from.distinct(); n > 15 {
		t.Errorf("%d connections for 20 pages", n)
	}
}

func TestA503IsRetriedOnAFreshConnection(t *testing.T) {
	var from addresses
	client, _ := overTLS(t, func(w http.ResponseWriter, r *http.Request) {
		if from.note(r) <= 2 {
			w.Header().Set("Retry-After", "0.01")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte(page(r, 1, 1)))
	})
	if n, err := readAll(t.Context(), client.Pager(graph.Query{})); n != 1 || err != nil {
		t.Fatalf("%d users, %v", n, err)
	}
	if n := from.distinct(); n != 3 {
		t.Errorf("three tries came over %d connections", n)
	}
}

func TestARedirectIsNotFollowedAndTheTokenStays(t *testing.T) {
	leaked := false
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { leaked = true }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		client, _ := overTLS(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+"/v1.0/users", status)
		})
		_, err := readAll(t.Context(), client.Pager(graph.Query{}))
		var answer *graph.Error
		if !errors.As(err, &answer) || answer.Status != status || !strings.Contains(err.Error(), "redirects are not followed") {
			t.Errorf("%d: %v", status, err)
		}
	}
	if leaked {
		t.Error("the other host was asked")
	}
}

func TestAnUntrustedCertificateIsNotRetried(t *testing.T) {
	var mu sync.Mutex
	handshakes := 0
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		mu.Lock()
		defer mu.Unlock()
		handshakes++
		return nil, nil
	}}
	server.StartTLS()
	defer server.Close()
	transport := graph.NewTransport()
	client, err := graph.New(graph.Config{BaseURL: server.URL, Tokens: oneToken{}, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	_, err = readAll(t.Context(), client.Pager(graph.Query{}))
	if err == nil || !strings.Contains(err.Error(), "certificate") || handshakes != 1 {
		t.Errorf("%d handshakes, %v", handshakes, err)
	}
}

func TestAHostThatDoesNotExistIsNotRetried(t *testing.T) {
	transport := graph.NewTransport()
	dials := 0
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
		dials++
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "graph.nowhere.example", IsNotFound: true}}
	}
	client, err := graph.New(graph.Config{BaseURL: "https://graph.nowhere.example", Tokens: oneToken{}, Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	_, err = readAll(t.Context(), client.Pager(graph.Query{}))
	if err == nil || !strings.Contains(err.Error(), "graph.nowhere.example") || dials != 1 {
		t.Errorf("%d dials, %v", dials, err)
	}
}
