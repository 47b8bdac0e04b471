package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// served is an API over a simulated tenant.
type served struct {
	tenant  *simulator.Tenant
	handler http.Handler
	log     bytes.Buffer
}

func serve(t *testing.T, cfg simulator.Config, columns ...string) *served {
	t.Helper()
	if columns == nil {
		columns = []string{"id", "displayName", "department"}
	}
	return serveList(t, cfg, list.Request{}, columns...)
}

// serveList serves a list of the columns, of which those with a question mark
// are optional.
func serveList(t *testing.T, cfg simulator.Config, list list.Request, columns ...string) *served {
	t.Helper()
	s := &served{tenant: simulator.New(cfg)}
	transport := s.tenant.Transport()
	client, err := graph.New(graph.Config{
		BaseURL: "https://graph.microsoft.com", Tokens: s.tenant.TokenSource(transport), Transport: transport, Attempts: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	s.publish(t, client, list, columns)
	return s
}

// serveFrom serves a list of the columns from a Graph of the test's own.
func serveFrom(t *testing.T, client *graph.Client, columns ...string) *served {
	t.Helper()
	s := &served{}
	s.publish(t, client, list.Request{}, columns)
	return s
}

func (s *served) publish(t *testing.T, client *graph.Client, list list.Request, columns []string) {
	t.Helper()
	list.PageSize = 100
	for _, name := range columns {
		name, optional := strings.CutSuffix(name, "?")
		list.Columns = append(list.Columns, property.Column{Name: name, Optional: optional})
	}
	var err error
	s.handler, err = api.New(api.Config{Directory: client, Request: list, Log: slog.New(slog.NewJSONHandler(&s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
}

// ask makes a request and returns the answer as it is.
func (s *served) ask(t *testing.T, method, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%s %s: Cache-Control %q", method, target, w.Header().Get("Cache-Control"))
	}
	return w
}

// body is any answer of the API.
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

func TestAGraphClientReadsAllPagesByTheirLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		seen := map[string]bool{}
		next := "https://api.example/users"
		for pages := 0; next != ""; pages++ {
			if !strings.HasPrefix(next, "https://api.example/") || pages > 3 {
				t.Fatalf("page %d is at %s", pages, next)
			}
			w, b := s.get(t, next)
			if w.Code != http.StatusOK {
				t.Fatalf("page %d: %d %s", pages, w.Code, w.Body)
			}
			for _, u := range b.Value {
				if len(u) != 3 {
					t.Fatalf("a user has the members %v, want id, displayName and department", u)
				}
				seen[u["id"].(string)] = true
			}
			next = b.Next
		}
		if len(seen) != 250 {
			t.Errorf("%d users, want 250", len(seen))
		}
	})
}

func TestThePageLooksLikeGraphsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		w, b := s.get(t, "https://api.example/v1.0/users?$select=displayName&$top=7&$count=true")
		text := w.Body.String()
		inOrder := []string{`"@odata.context"`, `"@odata.count"`, `"@odata.nextLink"`, `"value"`}
		for i, member := range inOrder[1:] {
			if strings.Index(text, inOrder[i]) > strings.Index(text, member) {
				t.Errorf("%s comes behind %s", inOrder[i], member)
			}
		}
		if b.Context != "https://api.example/v1.0/$metadata#users(displayName,id)" || b.Count == nil || *b.Count != 250 || len(b.Value) != 7 {
			t.Errorf("context %q, count %v, %d users", b.Context, b.Count, len(b.Value))
		}
		if strings.Contains(text, "department") {
			t.Error("a column that was not selected is there")
		}
		if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "application/json;odata.metadata=minimal") {
			t.Errorf("Content-Type %q", got)
		}
	})
}

func TestTheLinkKeepsTheCallersWayAndOptionsAndNothingOfGraphs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://abc.execute-api.example/users?$select=DISPLAYNAME&$top=10", http.NoBody)
		r.Header.Set(header.Prefix, "/prod")
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		var b body
		if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(b.Next)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if u.Host != "abc.execute-api.example" || u.Path != "/prod/v1.0/users" || q.Get("$select") != "displayName" || q.Get("$top") != "10" || q.Get("$skiptoken") == "" || len(q) != 3 {
			t.Errorf("the link is %s", b.Next)
		}
		if strings.Contains(w.Body.String(), "graph.microsoft.com") {
			t.Error("the answer shows Graph's address")
		}
	})
}

func TestWhatIsNotOfferedIsRefusedByName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for query, names := range map[string]string{
			"$select=mail":                        "mail",
			"$select=displayName,passwordProfile": "passwordProfile",
			"$select=*":                           "*",
			"$select=":                            "$select",
			"$expand=manager":                     "$expand",
			"$skip=10":                            "$skip",
			"$top=0":                              "$top",
			"$top=many":                           "$top",
			"$top=1&$top=2":                       "$top",
			"$TOP=1&$expand=x":                    "$expand",
			"$count=perhaps":                      "$count",
			"$format=xml":                         "$format",
			"$skiptoken=a%0d%0ab":                 "$skiptoken",
			"select=id":                           "select",
			"%zz":                                 "escaped",
		} {
			w, b := s.get(t, "https://api.example/users?"+query)
			if w.Code != http.StatusBadRequest || b.Error.Code != "Request.Invalid" || !strings.Contains(b.Error.Message, names) {
				t.Errorf("%s: %d %s %q", query, w.Code, b.Error.Code, b.Error.Message)
			}
		}
		if n := len(s.tenant.Requests()); n != 0 {
			t.Errorf("%d requests reached the tenant", n)
		}
	})
}

func TestOnlyTheUsersCanBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, path := range []string{"/", "/groups", "/users/../groups", "/users/%2e%2e/groups", "/users/..", "/users/%2e%2e%2fgroups", "/v1.0", "/beta/users", "/users/", "/users//", "/v1.0/v1.0/users", "/users/a/manager", "//users"} {
			w := s.ask(t, http.MethodGet, "https://api.example"+path)
			if w.Code != http.StatusNotFound && w.Code != http.StatusBadRequest {
				t.Errorf("%s: %d", path, w.Code)
			}
		}
		if n := len(s.tenant.Requests()); n != 0 {
			t.Errorf("%d requests reached the tenant", n)
		}
		for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodPatch, "BREW"} {
			if w := s.ask(t, method, "https://api.example/users"); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD, OPTIONS" {
				t.Errorf("%s: %d", method, w.Code)
			}
		}
		if w := s.ask(t, http.MethodOptions, "https://api.example/users"); w.Code != http.StatusNoContent || w.Header().Get("Allow") != "GET, HEAD, OPTIONS" {
			t.Errorf("OPTIONS: %d", w.Code)
		}
	})
}

func TestErrorsComeInTheEnvelopeWithTheirStatus(t *testing.T) {
	for fault, want := range map[string]struct {
		status     int
		code, name string
		retryAfter string
	}{
		"429-seconds:1x*": {503, "Graph.Throttled", "Graph.Throttled", "7"},
		"503:1x*":         {503, "Graph.Unavailable", "Graph.Unavailable", ""},
		"403":             {502, "Graph.AccessDenied", "Graph.AccessDenied", ""},
		"401:1x*":         {502, "Credentials.Rejected", "Credentials.Rejected", ""},
		"truncate:1x*":    {503, "Graph.Unavailable", "Graph.Unavailable", ""},
		"foreign-host:1":  {200, "", "", ""},
	} {
		t.Run(fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f, err := simulator.ParseFault(fault)
				if err != nil {
					t.Fatal(err)
				}
				s := serve(t, simulator.Config{Users: 250, Faults: []simulator.Fault{f}})
				w, b := s.get(t, "https://api.example/users")
				if w.Code != want.status || b.Error.Code != want.code || w.Header().Get(header.Error) != want.name || w.Header().Get("Retry-After") != want.retryAfter {
					t.Errorf("%d %q %q Retry-After %q: %s", w.Code, b.Error.Code, w.Header().Get(header.Error), w.Header().Get("Retry-After"), b.Error.Message)
				}
				if want.status != 200 && len(b.Value) > 0 {
					t.Error("an error carries users")
				}
				if requests, _ := s.tenant.Foreign(); requests > 0 {
					t.Error("a foreign host was asked")
				}
			})
		})
	}
}

func TestGraphsOwnBadRequestKeepsItsCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		w, b := s.get(t, "https://api.example/users?$filter="+url.QueryEscape("contains(displayName,'x')"))
		if w.Code != http.StatusBadRequest || b.Error.Code != "Request_BadRequest" || w.Header().Get(header.Error) != "Graph.BadRequest" || b.Error.InnerError["request-id"] == "" {
			t.Errorf("%d %+v", w.Code, b.Error)
		}
	})
}

func TestAnOptionalColumnThatGraphRefusesIsLeftOutFromThenOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50}, "displayName", "signInActivity?")
		for range 2 {
			if w, b := s.get(t, "https://api.example/users"); w.Code != http.StatusOK || len(b.Value) != 50 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		asked := 0
		for _, r := range s.tenant.Requests() {
			if strings.Contains(r.RawQuery, "signInActivity") {
				asked++
			}
		}
		if asked != 2 { // the page, then the column alone
			t.Errorf("the refused column was asked for %d times", asked)
		}
	})
}

func TestADeadlineBecomesAGatewayTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50, Latency: time.Minute})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "https://api.example/users", http.NoBody))
		if w.Code != http.StatusGatewayTimeout {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestTheLogNamesNeitherThePersonNorTheQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50, Faults: []simulator.Fault{{Name: "403"}}})
		s.get(t, "https://api.example/users?$skiptoken=canary-canary")
		s.get(t, "https://api.example/users?$select=canary-canary")
		if s.log.Len() == 0 || strings.Contains(s.log.String(), "canary") {
			t.Errorf("log: %s", &s.log)
		}
	})
}

func TestAForgedHostCannotBreakOutOfItsString(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/users", http.NoBody)
		r.Host = `evil","value":[{"id":"forged"}],"x":"` + "\xff"
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		var b body
		if err := json.Unmarshal(w.Body.Bytes(), &b); err != nil || len(b.Value) != 100 {
			t.Errorf("%d users, %v: %.200s", len(b.Value), err, w.Body)
		}
	})
}
