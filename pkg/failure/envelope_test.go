package failure_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/failure"
)

func TestAFailureIsAnsweredInGraphsEnvelope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			failure failure.Failure
			header  http.Header
			body    string
			ids     http.Header // of the request
		}{
			{
				failure.Failure{Name: "Graph.Throttled", Status: 503, Message: "wait", RetryAfter: 1200 * time.Millisecond},
				http.Header{"Rollcall-Error": {"Graph.Throttled"}, "Retry-After": {"2"}},
				`{"error":{"code":"Graph.Throttled","message":"wait","innerError":{"date":"2000-01-01T00:00:00"}}}`,
				nil,
			},
			{
				failure.Failure{Name: "Graph.BadRequest", Status: 400, Message: "no", Code: "Request_BadRequest", RequestID: "r-1"},
				http.Header{"Rollcall-Error": {"Graph.BadRequest"}},
				`{"error":{"code":"Request_BadRequest","message":"no","innerError":{"date":"2000-01-01T00:00:00","request-id":"r-1"}}}`,
				nil,
			},
			{
				failure.Failure{Name: "Graph.BadRequest", Status: 400, Message: "no", RequestID: "r-1"},
				http.Header{"Rollcall-Error": {"Graph.BadRequest"}, "Request-Id": {"own"}, "Client-Request-Id": {"theirs"}},
				`{"error":{"code":"Graph.BadRequest","message":"no","innerError":{"date":"2000-01-01T00:00:00","request-id":"own","client-request-id":"theirs","graph-request-id":"r-1"}}}`,
				http.Header{"Request-Id": {"own"}, "Client-Request-Id": {"theirs"}},
			},
		} {
			w := httptest.NewRecorder()
			for _, name := range []string{"Content-Length", "Content-Disposition", "Content-Type", "X-Total-Count"} {
				w.Header().Set(name, "of the answer that was being prepared")
			}
			maps.Copy(w.Header(), c.ids)
			c.failure.Write(w)
			c.header.Set("Content-Type", "application/json")
			c.header.Set("Cache-Control", "no-store")
			if diff := cmp.Diff(c.header, w.Header()); diff != "" || w.Code != c.failure.Status || w.Body.String() != c.body {
				t.Errorf("%d %s: -want +got\n%s", w.Code, w.Body, diff)
			}
		}
	})
}

func TestABrokenConfigurationIsReportedToEveryCaller(t *testing.T) {
	for host, quoted := range map[string]bool{"api.example": true, "": false} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/users", http.NoBody)
		r.Host = host
		w := httptest.NewRecorder()
		failure.Handler(errors.New(`ROLLCALL_SELEKT is not a variable, "canary" not a value, "canary`)).ServeHTTP(w, r)
		if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "ROLLCALL_SELEKT") || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if id := w.Header().Get("Request-Id"); id == "" || !strings.Contains(w.Body.String(), `"request-id":"`+id+`"`) {
			t.Errorf("request-id %q, %s", id, w.Body)
		}
		if strings.Contains(w.Body.String(), "canary") != quoted {
			t.Errorf("host %q: %s", host, w.Body)
		}
	}
}
