// Package collector takes traces by OTLP over HTTP, as OpenTelemetry's collector does.
package collector

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"

	collect "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
)

// Path is where traces are posted.
const Path = "/v1/traces"

// Collector is a running collector.
type Collector struct {
	// URL is for OTEL_EXPORTER_OTLP_ENDPOINT.
	URL string

	server *httptest.Server
	mu     sync.Mutex
	spans  []*trace.Span
	text   string
	err    error
}

// Start serves on a free port of loopback. The caller closes it.
func Start(context.Context) (*Collector, error) {
	c := &Collector{}
	c.server = httptest.NewServer(http.HandlerFunc(c.take))
	c.URL = c.server.URL
	return c, nil
}

func (c *Collector) take(w http.ResponseWriter, r *http.Request) {
	request := new(collect.ExportTraceServiceRequest)
	err := read(r, request)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || r.URL.Path != Path {
		c.err = fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	text := protojson.Format(request)
	leak.Say("collector", text)
	c.text += text
	for _, resource := range request.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	answer, err := proto.Marshal(new(collect.ExportTraceServiceResponse))
	if err != nil {
		c.err = err
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(answer)
}

func read(r *http.Request, into proto.Message) error {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return err
		}
		body = z
	}
	data, err := io.ReadAll(io.LimitReader(body, 64<<20))
	if err != nil {
		return err
	}
	return proto.Unmarshal(data, into)
}

// Spans returns all spans so far, and what was wrong with a request.
func (c *Collector) Spans() ([]*trace.Span, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.spans[:len(c.spans):len(c.spans)], c.err
}

// Text is everything that was received, as JSON.
func (c *Collector) Text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text
}

// Close ends the server.
func (c *Collector) Close() { c.server.Close() }
