package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestOneUserLooksLikeGraphsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 200}, "id", "userPrincipalName", "displayName", "department")
		guest := 0
		for !strings.Contains(s.tenant.UserPrincipalName(guest), "#EXT#") {
			guest++
		}
		for _, key := range []string{s.tenant.ID(guest), s.tenant.UserPrincipalName(guest)} {
			w := s.ask(t, http.MethodGet, "https://api.example/v1.0/users/"+url.PathEscape(key)+"?$select=displayName,id")
			body := w.Body.String()
			if w.Code != http.StatusOK || !strings.HasPrefix(body, `{"@odata.context":"https://api.example/v1.0/$metadata#users(displayName,id)/$entity",`) ||
				!strings.Contains(body, `"id":"`+s.tenant.ID(guest)+`"`) || strings.Contains(body, "graph.microsoft.com") || strings.Contains(body, "department") {
				t.Errorf("%d %s", w.Code, body)
			}
		}
	})
}

func TestAUserWhoDoesNotExistIsGraphs404(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 20}, "id", "userPrincipalName")
		w, b := s.get(t, "https://api.example/users/canary.person@contoso.example")
		if w.Code != http.StatusNotFound || b.Error.Code != "Request_ResourceNotFound" || w.Header().Get("Rollcall-Error") != "Graph.NotFound" {
			t.Errorf("%d %+v", w.Code, b.Error)
		}
		if strings.Contains(s.log.String(), "canary") {
			t.Errorf("the log names the person: %s", &s.log)
		}
	})
}

func TestAPathThatIsNoUserIsNotRequested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 20})
		for _, key := range []string{"..%2fgroups", "%2e%2e", "a%2fb", "a%5cb", "a%00b", "a%20b", "%22", "$batch", "a?b", "%C3%A9", strings.Repeat("a", 300)} {
			if w := s.ask(t, http.MethodGet, "https://api.example/users/"+key); w.Code != http.StatusBadRequest && !strings.Contains(key, "?") {
				t.Errorf("%s: %d %s", key, w.Code, w.Body)
			}
		}
		for _, r := range s.tenant.Requests() {
			if r.Kind != "user" && r.Kind != "token" && r.Kind != "discovery" {
				t.Errorf("a %s request to %s", r.Kind, r.Path)
			}
		}
	})
}

// /users/delta is a function of Graph, not a user.
func TestAFunctionOfGraphIsNotAUser(t *testing.T) {
	for _, key := range []string{"delta", "microsoft.graph.delta", "microsoft.graph.user", "validateProperties"} {
		requests := 0
		s := serveFrom(t, answering(t, func(r *http.Request) string {
			requests++
			t.Logf("%s", r.URL)
			return `{"id":"x","value":[{"id":"1","mail":"secret@x"}]}`
		}), "id")
		w, _ := s.get(t, "https://api.example/users/"+key)
		if requests != 0 || w.Code == 200 {
			t.Errorf("%s: %d, %d requests to Graph: %s", key, w.Code, requests, w.Body)
		}
	}
}

func TestTheCountIsPlainText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 4321, CountBOM: true})
		for _, path := range []string{"/users/$count", "/v1.0/users/%24count"} {
			w := s.ask(t, http.MethodGet, "https://api.example"+path)
			if w.Code != http.StatusOK || w.Body.String() != "4321" || w.Header().Get("Content-Type") != "text/plain" {
				t.Errorf("%s: %d %q", path, w.Code, w.Body)
			}
		}
	})
}

// Package msgraph-sdk-go's CountRequestBuilder sends Accept: text/plain;q=0.9.
func TestACountIsAnsweredWhateverTheAcceptHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, accept := range []string{"text/plain;q=0.9", "text/plain"} {
			if w := s.ask(t, http.MethodGet, "https://api.example/users/$count", "Accept", accept); w.Code != 200 {
				t.Errorf("%s: %d %s", accept, w.Code, w.Body)
			}
		}
	})
}

// A page of Graph's may be empty and not be the last.
func TestAUserBehindAFilterIsFoundBehindAnEmptyPage(t *testing.T) {
	const id = "00000000-0000-4000-8000-000000000001"
	for pages, status := range map[int]int{2: 200, 5: 200, 0: 404} {
		asked := 0
		client := answering(t, func(*http.Request) string {
			if asked++; asked == pages {
				return `{"value":[{"id":"` + id + `"}]}`
			}
			if pages == 0 && asked == 3 {
				return `{"value":[]}`
			}
			return `{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=` + strings.Repeat("a", asked) + `","value":[]}`
		})
		s := &served{}
		s.publish(t, client, list.Request{Filter: "userType eq 'Member'"}, []string{"id", "userType"})
		if w := s.ask(t, http.MethodGet, "https://api.example/users/"+id); w.Code != status || strings.Contains(w.Body.String(), id) != (status == 200) {
			t.Errorf("%d pages: %d %s", pages, w.Code, w.Body)
		}
	}
}

func TestAUserIsNotSoughtInACircleOfPages(t *testing.T) {
	asked := 0
	client := answering(t, func(*http.Request) string {
		asked++
		return `{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=a","value":[]}`
	})
	s := &served{}
	s.publish(t, client, list.Request{Filter: "userType eq 'Member'"}, []string{"id", "userType"})
	if w := s.ask(t, http.MethodGet, "https://api.example/users/00000000-0000-4000-8000-000000000001"); w.Code != http.StatusServiceUnavailable || asked > 10 {
		t.Errorf("%d requests: %d %s", asked, w.Code, w.Body)
	}
}
