package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/odata"
)

const configured = "userType eq 'Member'"

func fuzzed() []string {
	return []string{"id", "displayName", "department", "userType", "userPrincipalName", "manager"}
}

// asked serves an API over an empty Graph that records what it is asked.
func asked(t *testing.T) (s *served, requests *[]*http.Request) {
	t.Helper()
	requests = new([]*http.Request)
	client := scripted(t, func(r *http.Request) (*http.Response, error) {
		status, body := http.StatusOK, `{"value":[]}`
		switch {
		case strings.HasSuffix(r.URL.Path, "/delta"):
			status, body = http.StatusBadRequest, `{"error":{"code":"Request_BadRequest"}}` // no delta queries here
		case strings.HasSuffix(r.URL.Path, "/$count"):
			body = "0"
			fallthrough
		default:
			*requests = append(*requests, r)
		}
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})
	s = &served{}
	s.publish(t, client, list.Request{Filter: configured}, fuzzed())
	return s, requests
}

// request is a request with any bytes where a server would pass them on.
func request(t *testing.T, path, query string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example"+path, http.NoBody)
	r.URL.RawQuery = query
	return r
}

// checkAsked makes sure that Graph was asked for no more than may be read.
func checkAsked(t *testing.T, requests []*http.Request) {
	t.Helper()
	for _, r := range requests {
		if r.URL.Host != "graph.microsoft.com" || r.URL.Path != "/v1.0/users" && r.URL.Path != "/v1.0/users/$count" {
			t.Fatalf("%s was asked for", r.URL)
		}
		values, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			t.Fatalf("%q: %v", r.URL.RawQuery, err)
		}
		for name, given := range values {
			if len(given) != 1 || !slices.Contains([]string{"$select", "$expand", "$filter", "$search", "$orderby", "$top", "$count"}, name) {
				t.Fatalf("Graph was asked with %s %d times", name, len(given))
			}
		}
		for name := range strings.SplitSeq(values.Get("$select"), ",") {
			if name != "" && !slices.Contains(fuzzed(), name) {
				t.Fatalf("%s was selected", name)
			}
		}
		filter, err := odata.ParseFilter(values.Get("$filter"))
		if err != nil || !strings.HasPrefix(filter.String(), configured) && !strings.HasPrefix(filter.String(), "("+configured+") and (") {
			t.Fatalf("the filter %q does not begin with the configured one: %v", values.Get("$filter"), err)
		}
		names := filter.Properties()
		if search, err := odata.ParseSearch(values.Get("$search")); values.Has("$search") {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, search.Properties()...)
		}
		if order, err := odata.ParseOrder(values.Get("$orderby")); values.Has("$orderby") {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, order.Properties()...)
		}
		for _, name := range names {
			if name == "manager" || !slices.Contains(fuzzed(), name) {
				t.Fatalf("an expression names %s: %s", name, r.URL.RawQuery)
			}
		}
	}
}

func FuzzOptions(f *testing.F) {
	for _, query := range []string{
		"", "$select=id,displayName", "$select=signInActivity", "$filter=department eq 'a'", "$filter=department eq 'a') or (department ne 'a'",
		"$filter=department/any(d:d eq 'a')", "$search=\"displayName:a\" OR \"department:b\"", "$orderby=department desc,displayName", "$top=5&$count=true",
		"$top=-1", "$top=99999999999999999999", "$skiptoken=a", "$format=ndjson", "$format=csv&csv=excel", "$expand=manager", "%24select=id", "$select=id&$SELECT=id", "a=b", "%zz",
		"$filter=d\u0131splayName eq 'a'", "$select=\u212Aid", "$filter=manager/id eq 'a'", "$orderby=manager", "$filter=department in ('a','b') and not (userType ne null)",
	} {
		f.Add("/users", query)
		f.Add("/users", strings.ReplaceAll(query, " ", "%20"))
		f.Add("/users/$count", query)
		f.Add("/users/5f1c1f0e-6d3b-4a57-9c1d-2f6f3f1f0001", query)
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		if !slices.Contains([]string{"/users", "/users/$count", "/users/5f1c1f0e-6d3b-4a57-9c1d-2f6f3f1f0001"}, path) {
			return
		}
		s, requests := asked(t)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, request(t, path, query))
		if !slices.Contains([]int{200, 400, 404, 406, 414}, w.Code) {
			t.Errorf("%s?%q: %d %s", path, query, w.Code, w.Body)
		}
		checkAsked(t, *requests)
	})
}

func FuzzAccept(f *testing.F) {
	for _, accept := range []string{
		"", "*/*", "application/json", "text/csv;q=0.5, application/x-ndjson", "text/html", "application/json;q=0", "text/csv;q=NaN", "a;q=1e999", ";;;", ",", "application/json;odata.metadata=none", "TEXT/*;Q=0.1",
	} {
		f.Add(accept)
	}
	f.Fuzz(func(t *testing.T, accept string) {
		s, _ := asked(t)
		w, r := httptest.NewRecorder(), request(t, "/users", "")
		r.Header["Accept"] = []string{accept}
		r.Header["Accept-Encoding"] = []string{accept}
		s.handler.ServeHTTP(w, r)
		kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		if w.Code == http.StatusOK && !slices.Contains([]string{"application/json", "application/x-ndjson", "text/csv"}, kind) || w.Code != http.StatusOK && w.Code != http.StatusNotAcceptable {
			t.Errorf("%q: %d %s", accept, w.Code, kind)
		}
	})
}

func FuzzSkipToken(f *testing.F) {
	for _, token := range []string{"", "a", "RFNwdAIAAQ", "~RFNwdAIAAQ", strings.Repeat("A", 100), "https://api.example/v1.0/users?$skiptoken=a", "https://graph.microsoft.com/v1.0/users?$SKIPTOKEN=a", "%00", "\u212a"} {
		f.Add(token)
	}
	f.Fuzz(func(t *testing.T, token string) {
		s, requests := asked(t)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, request(t, "/users", "$skiptoken="+url.QueryEscape(token)))
		if w.Code != http.StatusBadRequest && w.Code != http.StatusRequestURITooLong || len(*requests) > 0 {
			t.Errorf("%q: %d, %d requests", token, w.Code, len(*requests))
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, path := range []string{"/users/a@b", "/users/%24count", "/users/delta", "/users/..", "/users/a%2fb", "/v1.0/users", "/v1.0/v1.0/users", "/Users", "/users/"} {
		f.Add(path)
	}
	f.Fuzz(func(t *testing.T, path string) {
		u, err := url.Parse("https://api.example/" + strings.TrimPrefix(path, "/"))
		if err != nil {
			return
		}
		s, requests := asked(t)
		w, r := httptest.NewRecorder(), request(t, "/users", "")
		r.URL = u
		s.handler.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%q: %d %s", path, w.Code, w.Body)
		}
		checkAsked(t, *requests)
	})
}
