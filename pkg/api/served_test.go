package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// served is an API over a simulated tenant.
type served struct {
	tenant    *simulator.Tenant
	workbooks func(w io.Writer, columns []string) (api.Table, error)
	handler   http.Handler
	log       bytes.Buffer
}

func serve(t *testing.T, cfg simulator.Config, columns ...string) *served {
	t.Helper()
	if columns == nil {
		columns = []string{"id", "displayName", "department"}
	}
	return serveList(t, cfg, list.Request{}, columns...)
}

// serveFiltered serves the users of a filter.
func serveFiltered(t *testing.T, cfg simulator.Config, filter string, columns ...string) *served {
	t.Helper()
	return serveList(t, cfg, list.Request{Filter: filter}, columns...)
}

// serveList serves a list of the columns, of which those with a question mark
// are optional.
func serveList(t *testing.T, cfg simulator.Config, request list.Request, columns ...string) *served {
	t.Helper()
	s := &served{tenant: simulator.New(cfg)}
	s.connect(t, request, columns)
	return s
}

// serveWorkbooks serves a list that has workbooks, too.
func serveWorkbooks(t *testing.T, cfg simulator.Config, workbooks func(w io.Writer, columns []string) (api.Table, error)) *served {
	t.Helper()
	s := &served{tenant: simulator.New(cfg), workbooks: workbooks}
	s.connect(t, list.Request{}, []string{"id", "displayName", "department"})
	return s
}

func (s *served) connect(t *testing.T, request list.Request, columns []string) {
	t.Helper()
	transport := s.tenant.Transport()
	client, err := graph.New(graph.Config{
		BaseURL: "https://graph.microsoft.com", Tokens: s.tenant.TokenSource(transport), Transport: transport, Attempts: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.publish(t, client, request, columns)
}

// serveFrom serves a list of the columns from the given client.
func serveFrom(t *testing.T, client *graph.Client, columns ...string) *served {
	t.Helper()
	s := &served{}
	s.publish(t, client, list.Request{}, columns)
	return s
}

func (s *served) publish(t *testing.T, client *graph.Client, request list.Request, columns []string) {
	t.Helper()
	request.PageSize = 100
	for _, name := range columns {
		name, optional := strings.CutSuffix(name, "?")
		request.Columns = append(request.Columns, property.Column{Name: name, Optional: optional})
	}
	var err error
	s.handler, err = api.New(api.Config{Directory: client, Request: request, Workbook: s.workbooks, Log: slog.New(slog.NewJSONHandler(&s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
}

// serve answers a request into w. Headers are pairs of name and value; Host, as
// in HTTP itself, is one of them.
func (s *served) serve(t *testing.T, w http.ResponseWriter, method, target string, headers ...string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	for pair := range slices.Chunk(headers, 2) {
		if pair[0] == "Host" {
			r.Host = pair[1]
		} else {
			r.Header.Add(pair[0], pair[1])
		}
	}
	s.handler.ServeHTTP(w, r)
}

// ask makes a request and returns the response.
func (s *served) ask(t *testing.T, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	s.serve(t, w, method, target, headers...)
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s %s: Cache-Control %q", method, target, w.Header().Get("Cache-Control"))
	}
	return w
}

// body is any response of the API.
type body struct {
	Context string           `json:"@odata.context"`
	Count   *int             `json:"@odata.count"`
	Next    string           `json:"@odata.nextLink"`
	Value   []map[string]any `json:"value"`
	Error   struct {
		Code, Message string
		InnerError    map[string]string
	}
}

func (s *served) get(t *testing.T, target string, headers ...string) (*httptest.ResponseRecorder, body) {
	t.Helper()
	w := s.ask(t, http.MethodGet, target, headers...)
	var b body
	if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil {
		t.Fatalf("%s: %v\n%s", target, err, w.Body)
	}
	return w, b
}

func listed(s *served) (list []simulator.Request) {
	for _, r := range s.tenant.Requests() {
		if r.Kind == "list" {
			list = append(list, r)
		}
	}
	return list
}

type oneToken struct{}

func (oneToken) Token(context.Context, string, string) (string, error) { return "token", nil }

type roundTrip func(r *http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func scripted(t *testing.T, transport roundTrip) *graph.Client {
	t.Helper()
	client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: oneToken{}, Transport: transport, Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// answering returns a client of a Graph that responds with these bodies.
func answering(t *testing.T, body func(r *http.Request) string) *graph.Client {
	return scripted(t, func(r *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body(r))), Request: r}, nil
	})
}

// refusing returns a client of a Graph that responds with this error.
func refusing(t *testing.T, status int, body, retryAfter string) *graph.Client {
	return scripted(t, func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{"Retry-After": {retryAfter}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
		}, nil
	})
}
