package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestTheConfiguredFilterHoldsForEveryPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serveList(t, simulator.Config{Users: 1000}, list.Request{Filter: "accountEnabled eq false"}, "id", "accountEnabled")
		users, pages := 0, 0
		for next := "https://api.example/users?$top=20"; next != ""; pages++ {
			w, b := s.get(t, next)
			if w.Code != http.StatusOK {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			for _, u := range b.Value {
				if users++; u["accountEnabled"] != false {
					t.Fatalf("a user outside the filter: %v", u)
				}
			}
			next = b.Next
		}
		if counted := s.ask(t, http.MethodGet, "https://api.example/users/$count").Body.String(); strconv.Itoa(users) != counted || pages < 2 {
			t.Errorf("%d users on %d pages, %s counted", users, pages, counted)
		}
	})
}

func TestALinkKeepsTheWishToCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		_, b := s.get(t, "https://api.example/users?$count=true&$top=10")
		if u, err := url.Parse(b.Next); err != nil || u.Query().Get("$count") != "true" {
			t.Errorf("the link is %s", b.Next)
		}
		_, b = s.get(t, "https://api.example/users?$count=false&$top=10")
		if strings.Contains(b.Next, "$count") || b.Count != nil {
			t.Errorf("count %v and link %s, though no count was wanted", b.Count, b.Next)
		}
	})
}

func TestAPageIsNeverLargerThanConfigured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		w, b := s.get(t, "https://api.example/users?$top=999")
		if w.Code != http.StatusOK || len(b.Value) != 100 {
			t.Errorf("%d, %d users; want the configured 100", w.Code, len(b.Value))
		}
	})
}

func TestAWholeLinkIsTakenForItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		_, first := s.get(t, "https://api.example/users")
		w, second := s.get(t, "https://api.example/users?$skiptoken="+url.QueryEscape(first.Next))
		if w.Code != http.StatusOK || len(second.Value) != 100 || second.Value[0]["id"] == first.Value[0]["id"] {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestATokenWithSignsThatNeedEscapingComesBackAsItWas(t *testing.T) {
	const token = `X'4453+/=&$top=1#`
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		client := answering(t, func(r *http.Request) string {
			asked = append(asked, r.URL.Query().Get("$skiptoken"))
			return `{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=` + url.QueryEscape(token) + `","value":[{"id":"7"}]}`
		})
		s := serveFrom(t, client, "id")
		_, b := s.get(t, "https://api.example/users")
		s.get(t, b.Next)
		if len(asked) != 2 || asked[1] != token {
			t.Errorf("Graph was asked with the tokens %q", asked)
		}
	})
}

func TestATokenOfOtherSignsIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, token := range []string{"a b", "%7f", "%C3%A4", "a%00", "%20"} {
			if w, _ := s.get(t, "https://api.example/users?$skiptoken="+strings.ReplaceAll(token, " ", "%20")); w.Code != http.StatusBadRequest {
				t.Errorf("%q: %d", token, w.Code)
			}
		}
		if n := len(s.tenant.Requests()); n != 0 {
			t.Errorf("%d requests reached the tenant", n)
		}
	})
}

func TestACallersWordIsShownInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, query := range []string{"$select=" + strings.Repeat("x", 5000), strings.Repeat("y", 5000) + "=1"} {
			if _, b := s.get(t, "https://api.example/users?"+query); len(b.Error.Message) > 400 {
				t.Errorf("an error of %d bytes", len(b.Error.Message))
			}
		}
		if _, b := s.get(t, "https://api.example/users?$select=a%0ab%1b%5b31m"); strings.ContainsAny(b.Error.Message, "\n\x1b") {
			t.Errorf("the error holds control characters: %q", b.Error.Message)
		}
	})
}

func TestACallerWithoutAnAddressGetsRelativeLinks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/users", http.NoBody)
		r.Host = ""
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if !strings.Contains(w.Body.String(), `"@odata.nextLink":"/v1.0/users?`) {
			t.Errorf("%.300s", w.Body)
		}
	})
}

func TestANarrowSelectionThatIsRefusedTakesNothingFromTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50}, "displayName", "department", "signInActivity?")
		s.get(t, "https://api.example/users?$select=displayName,signInActivity")
		w, b := s.get(t, "https://api.example/users")
		if w.Code != http.StatusOK || b.Value[0]["department"] == nil && !strings.Contains(w.Body.String(), `"department"`) {
			t.Errorf("%d %.300s", w.Code, w.Body)
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

// Page two has to come in the format of page one.
func TestTheNextLinkKeepsTheFormat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		_, b := s.get(t, "https://api.example/users?$top=5&$format=json", "Accept", "text/csv")
		w := s.ask(t, http.MethodGet, b.Next, "Accept", "text/csv")
		if w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}
