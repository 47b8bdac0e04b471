package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/uuid"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestEveryAnswerHasTheIDsByWhichGraphsClientsFindIt(t *testing.T) {
	const theirs = "3c0e5f1a-aaaa-4bbb-8ccc-000000000003"
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50}, "id", "displayName")
		seen := map[string]bool{}
		for _, c := range []struct {
			method, path string
			status       int
		}{
			{"GET", "/users", 200},
			{"HEAD", "/users", 200},
			{"GET", "/users?$format=ndjson", 200},
			{"GET", "/users?$format=csv", 200},
			{"GET", "/users/$count", 200},
			{"GET", "/users/" + s.tenant.ID(1), 200},
			{"OPTIONS", "/users", 204},
			{"GET", "/users?$select=mail", 400},
			{"GET", "/users/a@b", 400},
			{"GET", "/users/00000000-0000-4000-8000-000000000001", 404},
			{"GET", "/groups", 404},
			{"POST", "/users", 405},
			{"POST", "/$batch", 501},
			{"GET", "/users?$filter=" + strings.Repeat("a", 9000), 414},
			{"GET", "/users?$filter=startsWith(displayName,%27" + strings.Repeat("a", 3000) + "%27)", 400},
		} {
			for _, client := range []string{"", theirs} {
				s.log.Reset()
				w := s.ask(t, c.method, "https://api.example"+c.path, "Client-Request-Id", client, "Return-Client-Request-Id", "true")
				id, echoed := w.Header().Get("request-id"), w.Header().Get("client-request-id")
				if w.Code != c.status || uuid.Validate(id) != nil || seen[id] || client != "" && echoed != client || client == "" && echoed != id {
					t.Errorf("%s %.60s, client %q: %d, %q and %q", c.method, c.path, client, w.Code, id, echoed)
				}
				seen[id] = true
				var envelope struct {
					Error struct{ InnerError map[string]string }
				}
				if inner := &envelope.Error.InnerError; w.Code >= 400 && (json.Unmarshal(w.Body.Bytes(), &envelope) != nil ||
					(*inner)["request-id"] != id || (*inner)["client-request-id"] != echoed || (*inner)["date"] == "") {
					t.Errorf("%s %.60s: %s", c.method, c.path, w.Body)
				}
				if log := s.log.String(); !strings.Contains(log, `"requestId":"`+id+`"`) || strings.Contains(log, `"clientRequestId":"`+theirs+`"`) != (client != "") {
					t.Errorf("%s %.60s: the log says %s", c.method, c.path, log)
				}
			}
		}
	})
}

// Microsoft's support asks for the id of Graph's own answer.
func TestTheIDOfGraphsFailingRequestIsFoundInTheEnvelopeAndTheLog(t *testing.T) {
	const graphs = "9d9d9d9d-1111-4222-8333-444444444444"
	for path, status := range map[string]int{"/users": 400, "/users/$count": 400, "/users/00000000-0000-4000-8000-000000000001": 400} {
		s := serveFrom(t, refusing(t, status, `{"error":{"code":"Request_BadRequest","message":"no","innerError":{"request-id":"`+graphs+`"}}}`, ""), "id")
		w, b := s.get(t, "https://api.example"+path)
		if w.Code != status || b.Error.InnerError["graph-request-id"] != graphs || b.Error.InnerError["request-id"] != w.Header().Get("request-id") || w.Header().Get("request-id") == graphs {
			t.Errorf("%s: %d %v %s", path, w.Code, w.Header(), w.Body)
		}
		if !strings.Contains(s.log.String(), graphs) {
			t.Errorf("%s: the log says %s", path, &s.log)
		}
	}
}

func TestNoHeaderIsInjectedByTheCallersID(t *testing.T) {
	s := serveFrom(t, answering(t, func(*http.Request) string { return `{"value":[]}` }), "id")
	for _, id := range []string{"a\r\nSet-Cookie: b=c", "a b", strings.Repeat("a", 1000), "anna.canary@contoso.com"} {
		w := s.ask(t, http.MethodGet, "https://api.example/users", "Client-Request-Id", id)
		if w.Header().Get("client-request-id") != w.Header().Get("request-id") || strings.Contains(s.log.String(), "canary") {
			t.Errorf("%q: %v, log %s", id, w.Header(), &s.log)
		}
	}
}
