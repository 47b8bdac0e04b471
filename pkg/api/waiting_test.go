package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

type timed struct {
	*httptest.ResponseRecorder
	lines []time.Time
}

func (w *timed) Write(p []byte) (int, error) {
	for range strings.Count(string(p), "\n") {
		w.lines = append(w.lines, time.Now())
	}
	return w.ResponseRecorder.Write(p)
}

// Users wait in the buffer for the next user, however long Graph makes that wait.
func TestUsersDoNotWaitForGraph(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		throttled := false
		client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: oneToken{}, Attempts: 3, Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			answer := func(status int, body, after string) (*http.Response, error) {
				return &http.Response{StatusCode: status, Header: http.Header{"Retry-After": {after}}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
			}
			user := func(n int) string { return `{"id":"00000000-0000-4000-8000-00000000000` + strconv.Itoa(n) + `"}` }
			switch {
			case strings.HasSuffix(r.URL.Path, "$count"):
				return answer(200, "6", "")
			case r.URL.Query().Get("$skiptoken") == "":
				return answer(200, `{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=a","value":[`+user(1)+","+user(2)+","+user(3)+`]}`, "")
			case !throttled:
				throttled = true
				return answer(429, `{"error":{"code":"TooManyRequests"}}`, "120")
			}
			return answer(200, `{"value":[`+user(4)+","+user(5)+","+user(6)+`]}`, "")
		})})
		if err != nil {
			t.Fatal(err)
		}
		s := serveFrom(t, client, "id")
		w := &timed{ResponseRecorder: httptest.NewRecorder()}
		started := time.Now()
		s.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/users?$format=ndjson", http.NoBody))
		for i, at := range w.lines[:3] {
			if at.Sub(started) > time.Second {
				t.Errorf("user %d of the first page was sent after %v", i+1, at.Sub(started))
			}
		}
	})
}
