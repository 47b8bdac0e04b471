package azure_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/trigger/azure"
)

// forward sends a caller's own request to the handler, as the host passes it on.
func (a *app) forward(t *testing.T, method, address string, h http.Header) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, address, http.NoBody)
	maps.Copy(r.Header, h)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

// echo answers with what a handler sees of a request.
func echo(w http.ResponseWriter, r *http.Request) {
	names := slices.Sorted(maps.Keys(r.Header))
	seen := map[string]any{"method": r.Method, "host": r.Host, "path": r.URL.EscapedPath(), "query": r.URL.RawQuery, "body": drain(r.Body)}
	headers := map[string]string{}
	for _, name := range names {
		headers[name] = strings.Join(r.Header.Values(name), "|")
	}
	seen["headers"] = headers
	w.Header().Set("Content-Type", "application/json")
	w.Header().Add("Vary", "Accept")
	w.Header().Add("Vary", "Accept-Encoding")
	_ = json.NewEncoder(w).Encode(seen)
}

// seen is what echo has answered.
type seen struct {
	Method, Host, Path, Query, Body string
	Headers                         map[string]string
}

func seenIn(t *testing.T, body string) seen {
	t.Helper()
	var s seen
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatalf("%v: %q", err, body)
	}
	delete(s.Headers, "Request-Id")
	return s
}

func echoing(log *slog.Logger) map[string]azure.Function {
	f := &azure.HTTP{Handler: http.HandlerFunc(echo), Output: "res", Log: log}
	return map[string]azure.Function{"users": f, "users_v1": f}
}

var both = folder{"users/function.json": keyed, "users_v1/function.json": keyed}

func TestARequestIsTheSameInBothModes(t *testing.T) {
	for name, c := range map[string]struct {
		settings azure.Settings
		method   string
		address  string
		headers  http.Header
		want     seen
	}{
		"a page": {
			azure.Settings{},
			"GET", "https://a.example/api/users?$top=3&$filter=a%20eq%20'b%26c'&code=s3cr3t",
			http.Header{"Accept": {"application/json"}, "X-Functions-Key": {"s3cr3t"}},
			seen{Method: "GET", Host: "a.example", Path: "/users", Query: "$top=3&$filter=a%20eq%20'b%26c'", Headers: map[string]string{"Accept": "application/json", "X-Forwarded-Prefix": "/api"}},
		},
		"one user": {
			azure.Settings{},
			"GET", "https://a.example/api/v1.0/users/kim%2Flee@contoso.com", nil,
			seen{Method: "GET", Host: "a.example", Path: "/v1.0/users/kim%2Flee@contoso.com", Headers: map[string]string{"X-Forwarded-Prefix": "/api"}},
		},
		"what only a host may say": {
			azure.Settings{},
			"GET", "https://a.example/api/users",
			http.Header{"X-Forwarded-Prefix": {"/evil"}, "X-Forwarded-User": {"admin"}, "X-Forwarded-Proto": {"https"}},
			seen{Method: "GET", Host: "a.example", Path: "/users", Headers: map[string]string{"X-Forwarded-Prefix": "/api"}},
		},
		"without TLS": {
			azure.Settings{},
			"GET", "http://localhost:7071/api/users", nil,
			seen{Method: "GET", Host: "localhost:7071", Path: "/users", Headers: map[string]string{"X-Forwarded-Prefix": "/api", "X-Forwarded-Proto": "http"}},
		},
		"TLS ended at the front end": {
			azure.Settings{Hostname: "contoso.azurewebsites.net"},
			"GET", "http://contoso.azurewebsites.net/api/users", nil,
			seen{Method: "GET", Host: "contoso.azurewebsites.net", Path: "/users", Headers: map[string]string{"X-Forwarded-Prefix": "/api"}},
		},
		"the front end says that there was none": {
			azure.Settings{Hostname: "contoso.azurewebsites.net"},
			"GET", "http://contoso.azurewebsites.net/api/users",
			http.Header{"X-Forwarded-Proto": {"http"}},
			seen{Method: "GET", Host: "contoso.azurewebsites.net", Path: "/users", Headers: map[string]string{"X-Forwarded-Prefix": "/api", "X-Forwarded-Proto": "http"}},
		},
		"the handler's own name, forwarded": {
			azure.Settings{Port: 4711, Hostname: "contoso.azurewebsites.net"},
			"GET", "https://127.0.0.1:4711/api/users",
			http.Header{"X-Forwarded-Host": {"people.contoso.com"}},
			seen{Method: "GET", Host: "people.contoso.com", Path: "/users", Headers: map[string]string{"X-Forwarded-Prefix": "/api", "X-Forwarded-Host": "people.contoso.com"}},
		},
		"the handler's own name": {
			azure.Settings{Port: 4711, Hostname: "contoso.azurewebsites.net"},
			"GET", "https://localhost:4711/api/users", nil,
			seen{Method: "GET", Host: "contoso.azurewebsites.net", Path: "/users", Headers: map[string]string{"X-Forwarded-Prefix": "/api"}},
		},
		"the key is no option, however it is written": {
			azure.Settings{},
			"GET", "https://a.example/api/users?%63ode=x&Code=y&a=1&CODE&code", nil,
			seen{Method: "GET", Host: "a.example", Path: "/users", Query: "a=1", Headers: map[string]string{"X-Forwarded-Prefix": "/api"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t, c.settings, maps.Clone(both), echoing)
			in := a.invoke(t, "users", envelope(t, map[string]any{"Url": c.address, "Method": c.method, "Headers": c.headers, "Query": map[string]string{}, "Identities": []any{}}, nil))
			got := in.response(t)
			if diff := cmp.Diff(c.want, seenIn(t, got.Body)); diff != "" || in.status != http.StatusOK || got.StatusCode != "200" || got.Headers["Vary"] != "Accept, Accept-Encoding" {
				t.Errorf("in an envelope: %d %+v: -want +got\n%s", in.status, got, diff)
			}
			if scheme, _, _ := strings.Cut(c.address, ":"); scheme == "https" && c.settings.Hostname == "" {
				c.headers = maps.Clone(c.headers)
				if c.headers == nil {
					c.headers = http.Header{}
				}
				c.headers.Set("X-Forwarded-Proto", "https") // which the host's own front end says
			}
			w := a.forward(t, c.method, c.address, c.headers)
			if diff := cmp.Diff(c.want, seenIn(t, w.Body.String())); diff != "" || w.Code != http.StatusOK {
				t.Errorf("as it came: %d: -want +got\n%s", w.Code, diff)
			}
		})
	}
}

func TestOnlyARequestThatIsPassedOnIsCompressed(t *testing.T) {
	a := open(t, azure.Settings{}, maps.Clone(both), echoing)
	h := http.Header{"Accept-Encoding": {"gzip"}}
	if s := seenIn(t, a.forward(t, "GET", "/api/users", h).Body.String()); s.Headers["Accept-Encoding"] != "gzip" {
		t.Errorf("as it came: %+v", s)
	}
	in := a.invoke(t, "users", envelope(t, map[string]any{"Url": "https://a.example/api/users", "Method": "GET", "Headers": h}, nil))
	if s := seenIn(t, in.response(t).Body); s.Headers["Accept-Encoding"] != "" {
		t.Errorf("in an envelope: %+v", s)
	}
}

func TestABodyIsTextOrBase64(t *testing.T) {
	a := open(t, azure.Settings{}, maps.Clone(both), echoing)
	for name, c := range map[string]struct {
		kind string
		body any
		want string
	}{
		"JSON":             {"application/json", `{"a":"b"}`, `{"a":"b"}`},
		"text":             {"text/plain", "YWJj", "YWJj"},
		"octets":           {"application/octet-stream", "AP+A", "\x00\ufffd\ufffd"},
		"a form of parts":  {"multipart/form-data; boundary=x", "YWJj", "abc"},
		"an object":        {"application/json", map[string]any{"a": 1}, `{"a":1}`},
		"nothing":          {"application/json", nil, ""},
		"broken base64":    {"application/octet-stream", "%%%", ""},
		"without its kind": {"", "YWJj", "YWJj"},
	} {
		in := a.invoke(t, "users", envelope(t, map[string]any{"Url": "https://a.example/api/users", "Method": "POST", "Headers": http.Header{"Content-Type": {c.kind}}, "Body": c.body}, nil))
		if s := seenIn(t, in.response(t).Body); s.Body != c.want {
			t.Errorf("%s: %q, want %q", name, s.Body, c.want)
		}
	}
}

func TestAnAnswerThatBreaksOffReachesNobodyAsWhole(t *testing.T) {
	half := func(log *slog.Logger) map[string]azure.Function {
		return map[string]azure.Function{"users": &azure.HTTP{Output: "res", Log: log, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("late") {
				_, _ = io.WriteString(w, "half a list")
				_ = http.NewResponseController(w).Flush()
			}
			if r.URL.Query().Has("defect") {
				panic("kim@contoso.com")
			}
			panic(http.ErrAbortHandler)
		})}}
	}
	a := open(t, azure.Settings{}, folder{"users/function.json": keyed}, half)
	server := httptest.NewServer(a)
	defer server.Close()
	for _, query := range []string{"", "late", "defect", "late&defect"} {
		in := a.invoke(t, "users", envelope(t, map[string]any{"Url": "https://a.example/api/users?" + query, "Method": "GET"}, nil))
		if in.status != http.StatusInternalServerError || len(in.Outputs) != 0 {
			t.Errorf("%s: %+v", query, in)
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/api/users?"+query, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := server.Client().Do(r)
		if err == nil {
			_, err = io.ReadAll(answer.Body)
			_ = answer.Body.Close()
		}
		if query == "defect" {
			if err != nil || answer.StatusCode != http.StatusInternalServerError || answer.Header.Get("Rollcall-Error") != "Internal.Error" {
				t.Errorf("%s: %v, %v", query, answer, err)
			}
		} else if err == nil {
			t.Errorf("%s: the answer looks whole", query)
		}
	}
	server.Close() // which waits for handlers that still write to the log
	if strings.Contains(a.log.String(), "kim@") || !strings.Contains(a.log.String(), "the handler panicked") {
		t.Errorf("the log is %s", a.log)
	}
}

func TestAnAnswerLargerThanAnEnvelopeTakesIsRefused(t *testing.T) {
	large := func(log *slog.Logger) map[string]azure.Function {
		return map[string]azure.Function{"users": &azure.HTTP{Output: "res", Log: log, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("x", 7<<20))
		})}}
	}
	a := open(t, azure.Settings{}, folder{"users/function.json": keyed}, large)
	got := a.invoke(t, "users", envelope(t, map[string]any{"Url": "https://a.example/api/users", "Method": "GET"}, nil)).response(t)
	if got.StatusCode != "413" || got.Headers["Rollcall-Error"] != "Response.TooLarge" || !strings.Contains(got.Body, "enableProxyingHttpRequest") {
		t.Errorf("%+v", got)
	}
	if w := a.forward(t, "GET", "/api/users", nil); w.Code != http.StatusOK || w.Body.Len() != 7<<20 {
		t.Errorf("as it came: %d, %d bytes", w.Code, w.Body.Len())
	}
}

// posting has a function that writes queues as well.
func posting(status int) func(*slog.Logger) map[string]azure.Function {
	return func(log *slog.Logger) map[string]azure.Function {
		return map[string]azure.Function{"webhook": &azure.HTTP{Output: "res", Mount: "webhook", AllowAnonymous: true, Log: log, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, message := range []string{`{"n":1}`, "YWJj"} {
				if err := azure.Put(r.Context(), "changes", message); err != nil {
					w.WriteHeader(http.StatusInternalServerError)
					return
				}
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, r.URL.Path)
		})}}
	}
}

func TestMessagesGoToTheQueueWithAnAnswerThatSaysSo(t *testing.T) {
	hook := map[string]any{"Url": "https://a.example/api/webhook/notifications?x=1", "Method": "POST", "Body": "{}"}
	a := open(t, azure.Settings{}, folder{"webhook/function.json": anonymous}, posting(http.StatusAccepted))
	got := a.invoke(t, "webhook", envelope(t, hook, nil))
	if r := got.response(t); r.StatusCode != "202" || r.Body != "/notifications" {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff([]string{`{"n":1}`, "YWJj"}, got.messages(t, "changes")); diff != "" {
		t.Error(diff)
	}
	a = open(t, azure.Settings{}, folder{"webhook/function.json": anonymous}, posting(http.StatusServiceUnavailable))
	got = a.invoke(t, "webhook", envelope(t, hook, nil))
	if r := got.response(t); r.StatusCode != "503" || len(got.Outputs) != 1 {
		t.Errorf("%+v", got)
	}
	if w := a.forward(t, "POST", "/api/webhook/notifications", nil); w.Code != http.StatusNotFound {
		t.Errorf("a request that the host never passes on is answered with %d", w.Code)
	}
	if err := azure.Put(t.Context(), "changes", "x"); err == nil || !strings.Contains(err.Error(), "function.json") {
		t.Error(err)
	}
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	a := open(t, azure.Settings{}, maps.Clone(both), echoing)
	for _, data := range []any{"x", 7, nil, []any{}, map[string]any{}, map[string]any{"Method": 7}, text(t, map[string]any{"Method": "GET"})} {
		if got := a.invoke(t, "users", envelope(t, data, nil)); got.status != http.StatusInternalServerError || len(got.Outputs) > 0 {
			t.Errorf("%v: %+v", data, got)
		}
	}
	for _, address := range []string{"https://a.example/api/%zz", "https://a.example/users", "https://a.example/apiusers", "", "://", "https://a.example/api"} {
		got := a.invoke(t, "users", envelope(t, map[string]any{"Url": address, "Method": "GET"}, nil)).response(t)
		if got.StatusCode != "400" || got.Headers["Rollcall-Error"] != "Request.Invalid" {
			t.Errorf("%s: %+v", address, got)
		}
	}
}
