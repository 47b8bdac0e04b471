package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestOnlyUsersCanBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, path := range []string{"/", "/groups", "/users/../groups", "/users/%2e%2e/groups", "/users/..", "/users/%2e%2e%2fgroups", "/v1.0", "/beta/users", "/users//", "/v1.0/v1.0/users", "/users/a/manager", "//users"} {
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

func TestAnOverlongQueryIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		if w := s.ask(t, http.MethodGet, "https://api.example/users?$filter="+strings.Repeat("a", 9000)); w.Code != http.StatusRequestURITooLong {
			t.Errorf("%d", w.Code)
		}
		if w := s.ask(t, http.MethodGet, "https://api.example/users?"+strings.Repeat("$top=1&", 1000)); w.Code != http.StatusBadRequest {
			t.Errorf("%d", w.Code)
		}
	})
}

func TestBrowsersMayNotGuessTheContentType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 5})
		for _, path := range []string{"/users", "/users?$format=csv", "/users?$format=ndjson", "/users/$count", "/groups", "/users?$top=x"} {
			if w := s.ask(t, http.MethodGet, "https://api.example"+path); w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s: %v", path, w.Header())
			}
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

func TestTheLogShowsNeitherPeopleNorTheQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50, Faults: []simulator.Fault{{Name: "403"}}})
		s.get(t, "https://api.example/users?$skiptoken=canary-canary")
		s.get(t, "https://api.example/users?$select=canary-canary")
		if s.log.Len() == 0 || strings.Contains(s.log.String(), "canary") {
			t.Errorf("log: %s", &s.log)
		}
	})
}
