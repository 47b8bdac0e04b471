package correlation_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/rollcall-dev/rollcall/pkg/correlation"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

const platform = "8f3a2c1e-0b4d-4c5e-9f60-718293a4b5c6"

// begun is the answer to a request with these ids of the caller's, under a context.
func begun(ctx context.Context, sent ...string) (*httptest.ResponseRecorder, *http.Request) {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/users", http.NoBody)
	r.Header["Client-Request-Id"] = sent
	w := httptest.NewRecorder()
	return w, correlation.Begin(w, r)
}

func TestARequestHasThePlatformsIDIfThatIsAGUID(t *testing.T) {
	w, _ := begun(telemetry.WithRequestID(t.Context(), platform))
	if got := w.Header().Get("Request-Id"); got != platform {
		t.Errorf("the id is %q", got)
	}
	seen := map[string]bool{}
	for _, other := range []string{"", "", "ATfSmjLgPHcESJw=", "{" + platform + "}", "urn:uuid:" + platform, strings.ReplaceAll(platform, "-", "")} {
		ctx := t.Context()
		if other != "" {
			ctx = telemetry.WithRequestID(ctx, other)
		}
		w, r := begun(ctx)
		got := w.Header().Get("Request-Id")
		if len(got) != 36 || uuid.Validate(got) != nil || seen[got] || got == other {
			t.Errorf("%q becomes %q", other, got)
		}
		if logged := telemetry.RequestID(r.Context()); logged != other && (other != "" || logged != got) {
			t.Errorf("%q: the log says %q, the answer %q", other, logged, got)
		}
		seen[got] = true
	}
}

func TestARequestKeepsItsIDsOnItsWay(t *testing.T) {
	first, r := begun(t.Context(), "mine")
	second := httptest.NewRecorder()
	correlation.Begin(second, r)
	if a, b := first.Header(), second.Header(); a.Get("Request-Id") == "" || a.Get("Request-Id") != b.Get("Request-Id") || b.Get("Client-Request-Id") != "mine" {
		t.Errorf("%v, then %v", a, b)
	}
}

func TestTheCallersIDIsEchoedOnlyIfItIsFitForAHeader(t *testing.T) {
	for _, id := range []string{platform, "{" + platform + "}", "a", "job-7_b.c:d", strings.Repeat("a", 128)} {
		if w, _ := begun(t.Context(), id); w.Header().Get("Client-Request-Id") != id {
			t.Errorf("%q becomes %q", id, w.Header().Get("Client-Request-Id"))
		}
	}
	for _, sent := range [][]string{nil, {""}, {"a", "b"}, {"a b"}, {"a,b"}, {"a\r\nSet-Cookie: b"}, {"a\x00"}, {"anna@contoso.com"}, {"zoë"}, {`"a"`}, {"<a>"}, {strings.Repeat("a", 129)}} {
		w, r := begun(t.Context(), sent...)
		if got := w.Header().Get("Client-Request-Id"); got != w.Header().Get("Request-Id") || correlation.From(r.Context()).Client != "" {
			t.Errorf("%q becomes %q", sent, got)
		}
	}
}

func FuzzClientRequestID(f *testing.F) {
	for _, seed := range []string{"", platform, "a\r\nb: c", "a\"b", "\u2028", "{}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, id string) {
		var log bytes.Buffer
		w, r := begun(t.Context(), id)
		telemetry.New(&log, telemetry.Options{}).InfoContext(r.Context(), "m")
		got := w.Header().Get("Client-Request-Id")
		if len(got) > 128 || got == "" || strings.ContainsFunc(got, func(c rune) bool { return c <= ' ' || c > '~' || c == '"' || c == '@' || c == ',' }) {
			t.Errorf("%q becomes %q", id, got)
		}
		if line := log.Bytes(); !json.Valid(line) || bytes.Count(line, []byte("\n")) != 1 {
			t.Errorf("%q is logged as %s", id, line)
		}
	})
}
