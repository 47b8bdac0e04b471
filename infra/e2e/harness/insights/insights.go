// Package insights is the ingestion endpoint of Application Insights, as far as custom metrics
// need it: it takes lines of JSON for one component, from an identity and not by a key alone,
// and answers as the service does.
package insights

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/identity"
)

// Key is the instrumentation key of the component.
const Key = "5a17ab1e-0000-4000-8000-0123456789ab"

// Metric is one that was taken.
type Metric struct {
	Namespace, Name string
	Value           float64
	Role            string
	Properties      map[string]string
}

// Ingestion takes metrics.
type Ingestion struct {
	server *httptest.Server

	mu       sync.Mutex
	metrics  []Metric
	bodies   bytes.Buffer
	problems []string
	busy     int
}

// Start starts an endpoint. The caller closes it.
func Start(context.Context) (*Ingestion, error) {
	i := &Ingestion{}
	i.server = httptest.NewServer(i)
	return i, nil
}

// Environ is what Azure Functions tells an app about the component, which takes tokens of that
// user-assigned identity.
func (i *Ingestion) Environ(clientID string) []string {
	return []string{
		"APPLICATIONINSIGHTS_CONNECTION_STRING=InstrumentationKey=" + Key + ";IngestionEndpoint=" + i.server.URL + "/;LiveEndpoint=" + i.server.URL + "/live/;ApplicationId=" + Key,
		"APPLICATIONINSIGHTS_AUTHENTICATION_STRING=ClientId=" + clientID + ";Authorization=AAD",
	}
}

// Refuse has so many requests refused as too many.
func (i *Ingestion) Refuse(requests int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.busy = requests
}

// Metrics are those that were taken, Bodies all that came, and Problems what the service would
// not have understood.
func (i *Ingestion) Metrics() []Metric {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]Metric(nil), i.metrics...)
}

// Bodies is described at [Ingestion.Metrics].
func (i *Ingestion) Bodies() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.bodies.String()
}

// Problems is described at [Ingestion.Metrics].
func (i *Ingestion) Problems() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return append([]string(nil), i.problems...)
}

// Close ends the endpoint.
func (i *Ingestion) Close() { i.server.Close() }

// ServeHTTP takes a request. The first of its metrics is refused once, for the time being.
func (i *Ingestion) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	i.mu.Lock()
	defer i.mu.Unlock()
	i.bodies.Write(body)
	switch {
	case err != nil || r.Method != http.MethodPost || r.URL.Path != "/v2.1/track" || r.Header.Get("Content-Type") != "application/x-json-stream":
		i.problems = append(i.problems, fmt.Sprintf("%s %s, Content-Type %q, %v", r.Method, r.URL.Path, r.Header.Get("Content-Type"), err))
		http.Error(w, "{}", http.StatusBadRequest)
		return
	case identity.Audience(r) != "https://monitor.azure.com":
		http.Error(w, "{}", http.StatusUnauthorized)
		return
	case i.busy > 0:
		i.busy--
		w.Header().Set("Retry-After", "1")
		http.Error(w, "{}", http.StatusTooManyRequests)
		return
	}
	lines := bytes.Split(body, []byte("\n"))
	refused := []any{}
	for n, line := range lines {
		m, err := read(line)
		switch {
		case err != nil:
			i.problems = append(i.problems, fmt.Sprintf("%v: %s", err, line))
			refused = append(refused, map[string]any{"index": n, "statusCode": http.StatusBadRequest, "message": "invalid"})
		case n == 0 && len(lines) > 1:
			refused = append(refused, map[string]any{"index": n, "statusCode": http.StatusServiceUnavailable, "message": "busy"})
		default:
			i.metrics = append(i.metrics, *m)
		}
	}
	answer, _ := json.Marshal(map[string]any{"itemsReceived": len(lines), "itemsAccepted": len(lines) - len(refused), "errors": refused}) // of numbers and texts
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	if len(refused) > 0 {
		w.WriteHeader(http.StatusPartialContent)
	}
	_, _ = w.Write(answer)
}

// read reads an envelope of a metric.
func read(line []byte) (*Metric, error) {
	var e struct {
		Name string
		Time time.Time
		Key  string            `json:"iKey"`
		Tags map[string]string `json:"tags"`
		Data struct {
			BaseType string
			BaseData struct {
				Ver     int
				Metrics []struct {
					NS    string
					Name  string
					Value *float64
				}
				Properties map[string]string
			}
		}
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return nil, err
	}
	d := e.Data.BaseData
	switch {
	case e.Name != "Microsoft.ApplicationInsights.Metric" || e.Data.BaseType != "MetricData" || d.Ver != 2:
		return nil, fmt.Errorf("it is a %s", e.Name)
	case e.Key != Key:
		return nil, fmt.Errorf("it is for the component %s", e.Key)
	case time.Since(e.Time).Abs() > 24*time.Hour:
		return nil, fmt.Errorf("its time is %s", e.Time)
	case len(d.Metrics) != 1 || d.Metrics[0].Name == "" || d.Metrics[0].Value == nil:
		return nil, fmt.Errorf("it has %d metrics", len(d.Metrics))
	}
	for name, value := range d.Properties {
		if len(name) > 150 || len(value) > 8192 {
			return nil, fmt.Errorf("the property %s is too long", name)
		}
	}
	return &Metric{d.Metrics[0].NS, d.Metrics[0].Name, *d.Metrics[0].Value, e.Tags["ai.cloud.role"], d.Properties}, nil
}
