package machines

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
)

// Region is where everything is; Account is moto's.
const (
	Region  = "eu-west-1"
	Account = "123456789012"
)

// World is one AWS: Step Functions and whatever else moto has, and functions.
type World struct {
	// URL is its address; AWS_ENDPOINT_URL takes it.
	URL string

	server *http.Server
	moto   *moto.Server

	mu        sync.Mutex
	functions map[string]Function
}

// Start brings up a World. The caller closes it. Machines of several tests may
// share one; it takes some seconds to start.
func Start(ctx context.Context) (*World, error) {
	listeners, port, err := listen(ctx)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	w := &World{URL: fmt.Sprintf("http://localhost:%d", port), functions: map[string]Function{}}
	if w.moto, err = startMoto(ctx, port); err != nil {
		for _, l := range listeners {
			_ = l.Close()
		}
		return nil, err
	}
	w.server = &http.Server{Handler: w.router(), ReadHeaderTimeout: 10 * time.Second}
	for _, l := range listeners {
		go func() { _ = w.server.Serve(l) }()
	}
	if err := w.configure(ctx); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// listen takes the same port of both loopback addresses: moto says "localhost",
// which is either. A machine without IPv6 has one.
func listen(ctx context.Context) ([]net.Listener, int, error) {
	var config net.ListenConfig
	both := has6(ctx)
	for {
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
		// Somebody else has the port there: try another.
	}
}

func has6(ctx context.Context) bool {
	var config net.ListenConfig
	probe, err := config.Listen(ctx, "tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	_ = probe.Close()
	return true
}

// configure lets moto execute state machines instead of only recording them.
func (w *World) configure(ctx context.Context) error {
	const settings = `{"stepfunctions":{"execute_state_machine":true},"lambda":{"use_docker":false}}`
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.moto.URL+"/moto-api/config", strings.NewReader(settings))
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
func (w *World) Function(name string, f Function) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.functions[name] = f
	return "arn:aws:lambda:" + Region + ":" + Account + ":function:" + name
}

// router is what moto and the test call.
func (w *World) router() http.Handler {
	target, _ := url.Parse(w.moto.URL) // read from moto's own log by a pattern
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
		w.mu.Lock()
		f, known := w.functions[name]
		w.mu.Unlock()
		if !known {
			f = func(context.Context, json.RawMessage) (any, error) {
				return nil, &Refusal{"ResourceNotFoundException", http.StatusNotFound}
			}
		}
		f.invoke(rw, r, event)
	})
	return mux
}

// Config is an SDK configuration that reaches the World. A client of S3 has to
// use path style.
func (w *World) Config() aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(w.URL),
		Credentials:  credentials.NewStaticCredentialsProvider("e2e", "e2e", ""),
	}
}

// Close ends moto and every execution with it.
func (w *World) Close() {
	_ = w.server.Close()
	w.moto.Close()
}
