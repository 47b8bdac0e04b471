// Package stepfunctions runs the state machines of infra/statemachine. moto
// executes them; the Lambda functions that they invoke are the test's own: a Go
// function, or a built binary in a [lambdahost.Host].
//
// moto makes the calls of a state machine to http://localhost:$MOTO_PORT. There a
// [Server] listens: it answers the invocations of functions itself and passes
// everything else on to moto, so that its address looks like one AWS.
//
// server.py fixes what moto does wrong here. Where it still differs from Step
// Functions: a distributed map never fails through its items, whatever
// ToleratedFailurePercentage says; a ResultWriter writes a manifest without the
// results; and a tenants file that cannot be read is States.Runtime, where Step
// Functions has States.ItemReaderFailed. It checks nobody's permissions unless it is
// started for that: see [Config].
package stepfunctions

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
)

// program starts moto.
//
//go:embed server.py
var program string

// Server looks like one AWS: Step Functions and whatever else moto has, and
// functions of Lambda.
type Server struct {
	// URL is its address; AWS_ENDPOINT_URL takes it.
	URL string

	server *http.Server
	moto   *moto.Server

	mu        sync.Mutex
	functions map[string]Function
}

// Config says what is different from a Server that lets everybody do everything.
type Config struct {
	// Roles has moto check the permissions of everybody but the owner of the account, whose
	// key is Config's. A state machine is its role, once that has been assumed.
	Roles bool
	// Gate is put before everything.
	Gate func(http.Handler) http.Handler
}

// Start starts a Server, which takes some seconds. The caller closes it. Several
// tests may share one.
func Start(ctx context.Context) (*Server, error) { return Config{}.Start(ctx) }

// Start starts such a Server.
func (cfg Config) Start(ctx context.Context) (*Server, error) {
	listeners, port, err := listen(ctx)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	s := &Server{URL: fmt.Sprintf("http://localhost:%d", port), functions: map[string]Function{}}
	env := []string{"MOTO_PORT=" + strconv.Itoa(port), "AWS_EC2_METADATA_DISABLED=true"}
	if cfg.Roles {
		env = append(env, "INITIAL_NO_AUTH_ACTION_COUNT=0")
	}
	s.moto, err = moto.StartWith(ctx, env, "python", "-c", program)
	if err != nil {
		for _, l := range listeners {
			_ = l.Close()
		}
		return nil, err
	}
	handler := s.router()
	if cfg.Gate != nil {
		handler = cfg.Gate(handler)
	}
	s.server = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	for _, l := range listeners {
		go func() { _ = s.server.Serve(l) }()
	}
	if err := s.configure(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// listen takes the same port of both loopback addresses: moto says "localhost",
// which is either. A machine without IPv6 has one.
func listen(ctx context.Context) ([]net.Listener, int, error) {
	var config net.ListenConfig
	for both := hasIPv6(ctx); ; {
		four, err := config.Listen(ctx, "tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, 0, err
		}
		port := four.Addr().(*net.TCPAddr).Port
		if !both {
			return []net.Listener{four}, port, nil
		}
		six, err := config.Listen(ctx, "tcp6", fmt.Sprintf("[::1]:%d", port))
		if err == nil {
			return []net.Listener{four, six}, port, nil
		}
		_ = four.Close()
		if ctx.Err() != nil {
			return nil, 0, err
		}
		// The port is taken there: try another.
	}
}

func hasIPv6(ctx context.Context) bool {
	var config net.ListenConfig
	probe, err := config.Listen(ctx, "tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	_ = probe.Close()
	return true
}

// configure lets moto execute state machines instead of only recording them.
func (s *Server) configure(ctx context.Context) error {
	const settings = `{"stepfunctions":{"execute_state_machine":true},"lambda":{"use_docker":false}}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.moto.URL+"/moto-api/config", strings.NewReader(settings))
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("configure moto: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("configure moto: status %s", response.Status)
	}
	return nil
}

// Function sets what an invocation of a function runs, and returns the
// function's ARN.
func (s *Server) Function(name string, f Function) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.functions[name] = f
	return "arn:aws:lambda:" + cloud.Region + ":" + cloud.Account + ":function:" + name
}

// Rotator makes moto know a function of that name, so that it begins rotations: see
// [moto.Server.Function].
func (s *Server) Rotator(ctx context.Context, name string) error {
	_, err := s.moto.Function(ctx, name)
	return err
}

// router is what moto and the test call.
func (s *Server) router() http.Handler {
	target, _ := url.Parse(s.moto.URL) // read from moto's own log by a pattern
	mux := http.NewServeMux()
	mux.Handle("/", &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // a part of the request's signature, and of a bucket's name
	}})
	mux.HandleFunc("POST /2015-03-31/functions/{function}/invocations", func(rw http.ResponseWriter, r *http.Request) {
		event, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller has gone
		}
		name := r.PathValue("function")
		name = name[strings.LastIndexByte(name, ':')+1:]
		s.mu.Lock()
		f, known := s.functions[name]
		s.mu.Unlock()
		if !known {
			f = func(context.Context, json.RawMessage) (any, error) {
				return nil, &Refusal{"ResourceNotFoundException", http.StatusNotFound}
			}
		}
		f.invoke(rw, r, event)
	})
	return mux
}

// Config is an SDK configuration that reaches the Server.
func (s *Server) Config() aws.Config { return cloud.Config(s.URL, "e2e", moto.Secret) }

// Close ends moto and every execution with it.
func (s *Server) Close() {
	_ = s.server.Close()
	s.moto.Close()
}
