// Package gateway plays what stands in front of a Lambda function: API Gateway,
// a Function URL or a load balancer. Each request becomes the trigger's event,
// the built function answers it through package lambdahost, and its answer
// becomes the response. A client that knows nothing of this can talk to it.
//
// A request with an Authorization header counts as one whose caller was
// verified, one without as anonymous.
package gateway

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
)

// Kind is a trigger that can be played.
type Kind struct {
	// Name is what it is called.
	Name string
	// Base is the address under which callers know it, as https://host[/stage].
	Base string
	// Streams says that the trigger is set up to stream.
	Streams bool
	// Largest is how many bytes of a response reach the caller.
	Largest int
	// Trusts says that the trigger verifies nobody by itself, so that the
	// function must be told to allow anonymous callers.
	Trusts bool

	// Compresses says that a compressed body finds its way to the caller.
	Compresses bool

	event func(*http.Request) any
}

// Event is what the trigger makes of a request.
func (k Kind) Event(r *http.Request) any { return k.event(r) }

// Server is a gateway that listens on loopback.
type Server struct {
	// URL is its address, https://127.0.0.1:port.
	URL string
	// CertPEM is the certificate to trust.
	CertPEM []byte

	kind   Kind
	host   *lambdahost.Host
	server *httptest.Server
	turn   sync.Mutex // an execution environment takes one event at a time
}

// Start plays a trigger in front of a function. The caller closes it.
func Start(kind Kind, host *lambdahost.Host) *Server {
	g := &Server{kind: kind, host: host}
	g.server = httptest.NewTLSServer(g)
	g.URL = g.server.URL
	g.CertPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.server.Certificate().Raw})
	return g
}

// Close ends the server once the requests under way are answered.
func (g *Server) Close() { g.server.Close() }

// Client returns a client that finds the gateway under every host name, as if
// they were all registered for it. It asks for no compression by itself.
func (g *Server) Client() *http.Client {
	client := g.server.Client()
	transport := client.Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.ServerName = "example.com" // what httptest's certificate is for
	transport.DisableCompression = true
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, g.server.Listener.Addr().String())
	}
	return &http.Client{Transport: transport}
}

// ServeHTTP answers one request by way of the function.
func (g *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	payload, err := json.Marshal(g.kind.Event(r))
	if err != nil {
		failed(w, err.Error())
		return
	}
	g.turn.Lock()
	defer g.turn.Unlock()
	out := &stream{w: w}
	// Not the request's context: Lambda goes on when a caller hangs up, until
	// what it sends is taken no more.
	result, err := g.host.InvokeStream(context.WithoutCancel(r.Context()), payload, out)
	switch {
	case err != nil:
		failed(w, err.Error())
	case out.started && result.ErrorType != "":
		panic(http.ErrAbortHandler) // the caller sees a body that breaks off
	case out.started:
	case result.ErrorType != "":
		failed(w, result.ErrorType)
	default:
		g.whole(w, result.Payload)
	}
}

// failed is what API Gateway answers when the function failed; the reason, which
// it keeps to itself, helps who reads a test's output.
func failed(w http.ResponseWriter, reason string) {
	w.Header().Set("X-Played-Reason", reason)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = fmt.Fprintln(w, `{"message":"Internal server error"}`)
}
