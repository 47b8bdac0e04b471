package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

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
					t.Error("a request went to a foreign host")
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

func TestAGraphErrorWithoutACodeKeepsThePublicName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := refusing(t, http.StatusBadRequest, "<html>", "")
		s := serveFrom(t, client, "id")
		w, b := s.get(t, "https://api.example/users")
		if w.Code != http.StatusBadRequest || b.Error.Code != "Graph.BadRequest" || b.Error.Message == "" {
			t.Errorf("%d %+v", w.Code, b.Error)
		}
	})
}

func TestRetryAfterIsRoundedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := refusing(t, http.StatusTooManyRequests, `{"error":{"code":"TooManyRequests"}}`, "1.2")
		s := serveFrom(t, client, "id")
		if w, _ := s.get(t, "https://api.example/users"); w.Header().Get("Retry-After") != "2" {
			t.Errorf("Retry-After %q, want 2", w.Header().Get("Retry-After"))
		}
	})
}

// The error of a direct invocation goes to logs and traces, that of an HTTP
// request only to the caller.
func TestOnlyACallerOverHTTPSeesGraphsMessage(t *testing.T) {
	const answer = `{"error":{"code":"Request_BadRequest","message":"Anna Canary is no filter"}}`
	for host, shown := range map[string]bool{"": false, "api.example": true} {
		s := serveFrom(t, refusing(t, http.StatusBadRequest, answer, ""), "id")
		for _, path := range []string{"/users", "/users/$count", "/users/00000000-0000-4000-8000-000000000001"} {
			w := s.ask(t, http.MethodGet, path, "Host", host)
			if w.Code != http.StatusBadRequest || strings.Contains(w.Body.String(), "Canary") != shown || !strings.Contains(w.Body.String(), "Request_BadRequest") {
				t.Errorf("host %q, %s: %d %s", host, path, w.Code, w.Body)
			}
		}
		if strings.Contains(s.log.String(), "Canary") {
			t.Errorf("the log contains %s", s.log.String())
		}
	}
}

func TestTheErrorOfADirectInvocationQuotesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, q := range []string{"$filter=" + url.QueryEscape("displayName Mustermann"), "$filter=" + url.QueryEscape("Mustermann(x)"), "$select=Mustermann", "$orderby=Mustermann"} {
			w := s.ask(t, http.MethodGet, "/users?"+q, "Host", "")
			if strings.Contains(w.Body.String(), "Mustermann") {
				t.Errorf("%s: %s", q, w.Body)
			}
		}
		if strings.Contains(s.log.String(), "Mustermann") {
			t.Error(s.log.String())
		}
	})
}
