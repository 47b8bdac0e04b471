package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// What a direct invocation fails with goes to logs and traces; an HTTP caller's
// answer goes to him alone.
func TestOnlyACallerOverHTTPIsToldGraphsOwnWords(t *testing.T) {
	const answer = `{"error":{"code":"Request_BadRequest","message":"Anna Canary is no filter"}}`
	for host, told := range map[string]bool{"": false, "api.example": true} {
		s := serveFrom(t, refusing(t, http.StatusBadRequest, answer, ""), "id")
		for _, path := range []string{"/users", "/users/$count", "/users/00000000-0000-4000-8000-000000000001"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
			r.Host = host
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			if w.Code != http.StatusBadRequest || strings.Contains(w.Body.String(), "Canary") != told || !strings.Contains(w.Body.String(), "Request_BadRequest") {
				t.Errorf("host %q, %s: %d %s", host, path, w.Code, w.Body)
			}
		}
		if strings.Contains(s.log.String(), "Canary") {
			t.Errorf("the log holds %s", s.log.String())
		}
	}
}

func TestNoAnswerIsTakenForWhatItIsNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 5})
		for _, path := range []string{"/users", "/users?$format=csv", "/users?$format=ndjson", "/users/$count", "/groups", "/users?$top=x"} {
			if w := s.ask(t, http.MethodGet, "https://api.example"+path); w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %v", path, w.Header())
			}
		}
	})
}

func TestAHEADIsNotCompressed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, query := range []string{"", "?$format=ndjson", "?$format=csv"} {
			w := s.ask(t, http.MethodHead, "https://api.example/users"+query, "Accept-Encoding", "gzip")
			if w.Code != http.StatusOK || w.Header().Get("Content-Encoding") != "" {
				t.Errorf("%q: %d %v", query, w.Code, w.Header())
			}
		}
	})
}

// An invocation's error, which traces and destinations keep, quotes nobody's words.
func TestAnInvocationsErrorQuotesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, q := range []string{"$filter=" + url.QueryEscape("displayName Mustermann"), "$filter=" + url.QueryEscape("Mustermann(x)"), "$select=Mustermann", "$orderby=Mustermann"} {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/users?"+q, http.NoBody)
			r.Host = ""
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			if strings.Contains(w.Body.String(), "Mustermann") {
				t.Errorf("%s: %s", q, w.Body)
			}
		}
		if strings.Contains(s.log.String(), "Mustermann") {
			t.Error(s.log.String())
		}
	})
}
