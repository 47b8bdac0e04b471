// Package gateway imitates what stands in front of a Lambda function: API
// Gateway, a Function URL or a load balancer. Each request becomes the trigger's
// event, the built function answers it through package lambdahost, and its answer
// becomes the response. Any HTTP client can talk to it.
//
// A request with an Authorization header counts as one whose caller was
// verified, one without as anonymous.
package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
)

// Kind is a trigger.
type Kind struct {
	// Name is what it is called.
	Name string
	// Base is the address under which callers know it, as https://host[/stage].
	Base string
	// Streams says that the trigger is set up to stream.
	Streams bool
	// Largest is how many bytes of a response reach the caller.
	Largest int
	// VerifiesNobody says that the function must be configured to allow anonymous
	// callers.
	VerifiesNobody bool
	// Compresses says that a compressed body reaches the caller.
	Compresses bool

	textOnly bool // it has no binary media types, and base64 stays what it is
	event    func(*http.Request) any
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

// Start puts a trigger in front of a function. The caller closes it.
func Start(kind Kind, host *lambdahost.Host) *Server {
	g := &Server{kind: kind, host: host}
	g.server = httptest.NewTLSServer(leak.Refusals("gateway", g))
	g.URL = g.server.URL
	g.CertPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: g.server.Certificate().Raw})
	return g
}

// Use hands requests to another execution environment from now on.
func (g *Server) Use(host *lambdahost.Host) {
	g.turn.Lock()
	defer g.turn.Unlock()
	g.host = host
}

// Close ends the server once the requests under way are answered.
func (g *Server) Close() { g.server.Close() }

// Client returns a client that reaches the gateway under every host name. It asks
// for no compression by itself.
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
	out := &stream{w: w, left: g.kind.Largest}
	// Not the request's context: when a caller hangs up, Lambda goes on until it
	// cannot send any more.
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

// failed is what API Gateway answers when the function failed. The real one does
// not give the reason, which helps to read a test's output.
func failed(w http.ResponseWriter, reason string) {
	w.Header().Set("X-Gateway-Reason", reason)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadGateway)
	_, _ = fmt.Fprintln(w, `{"message":"Internal server error"}`)
}

// answer is what a function answers: the fields of all triggers, of which each
// uses some.
type answer struct {
	StatusCode        int                 `json:"statusCode"`
	Headers           map[string]string   `json:"headers"`
	MultiValueHeaders map[string][]string `json:"multiValueHeaders"`
	Cookies           []string            `json:"cookies"`
	Body              string              `json:"body"`
	IsBase64Encoded   bool                `json:"isBase64Encoded"`
}

func (a *answer) writeHead(w http.ResponseWriter) {
	h := w.Header()
	for name, value := range a.Headers {
		h.Set(name, value)
	}
	for name, values := range a.MultiValueHeaders {
		for _, value := range values {
			h.Add(name, value)
		}
	}
	for _, cookie := range a.Cookies {
		h.Add("Set-Cookie", cookie)
	}
	h.Del("Content-Length") // each trigger sets its own
	w.WriteHeader(a.StatusCode)
}

// whole sends an answer that came in one piece.
func (g *Server) whole(w http.ResponseWriter, payload []byte) {
	var a answer
	if err := json.Unmarshal(payload, &a); err != nil || a.StatusCode == 0 {
		failed(w, "the answer is not one that a "+g.kind.Name+" understands")
		return
	}
	body := []byte(a.Body)
	if a.IsBase64Encoded && !g.kind.textOnly {
		var err error
		if body, err = base64.StdEncoding.DecodeString(a.Body); err != nil {
			failed(w, "the body is not base64")
			return
		}
	}
	if len(payload) > g.kind.Largest {
		failed(w, "the answer is larger than a "+g.kind.Name+" takes")
		return
	}
	a.writeHead(w)
	_, _ = w.Write(body)
}

// stream sends an answer that comes bit by bit: a head in JSON, eight zero
// bytes, the body.
type stream struct {
	w       http.ResponseWriter
	head    bytes.Buffer
	started bool
	left    int // how much more of the body may come
}

// Write takes what the function sends, and fails when the caller has gone.
func (s *stream) Write(p []byte) (int, error) {
	n := len(p)
	if !s.started {
		_, _ = s.head.Write(p)
		head, body, ok := strings.Cut(s.head.String(), "\x00\x00\x00\x00\x00\x00\x00\x00")
		if !ok {
			return n, nil
		}
		var a answer
		if err := json.Unmarshal([]byte(head), &a); err != nil {
			return 0, err
		}
		s.started = true
		a.writeHead(s.w)
		p = []byte(body)
	}
	if s.left -= len(p); s.left < 0 {
		return 0, errors.New("the stream is larger than Lambda passes on")
	}
	if _, err := s.w.Write(p); err != nil {
		return 0, err
	}
	return n, http.NewResponseController(s.w).Flush()
}
