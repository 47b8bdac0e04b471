package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestAPathIsReadAsGraphReadsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 30}, "id", "userPrincipalName")
		id, upn := s.tenant.ID(3), s.tenant.UserPrincipalName(3)
		quoted := "('" + url.PathEscape(upn) + "')"
		for path, want := range map[string]string{
			"/users": `"value":[`, "/users/": `"value":[`, "/Users": `"value":[`, "/USERS/": `"value":[`, "/v1.0/users/": `"value":[`, "/V1.0/Users": `"value":[`, "/%75sers": `"value":[`,
			"/users/$count": "30", "/users/$count/": "30", "/USERS/$COUNT": "30", "/users/%24count": "30", "/v1.0/users/%24Count": "30",
			"/users/" + id: id, "/users/" + id + "/": id, "/Users/" + strings.ToUpper(id): id, "/v1.0/users/" + upn: id,
			"/users('" + id + "')": id, "/users(%27" + id + "%27)": id, "/users%28%27" + id + "%27%29": id, "/users('" + id + "')/": id,
			"/users" + quoted: id, "/v1.0/users" + quoted: id, "/V1.0/USERS" + quoted: id,
		} {
			w := s.ask(t, http.MethodGet, "https://api.example"+path)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: %d %.300s", path, w.Code, w.Body)
			}
		}
	})
}

// oddNames are userPrincipalNames with characters that mean something in a URL, in OData
// or in a quoted text.
func oddNames() []string {
	return []string{
		"o'neil@contoso.example", "a''b'@contoso.example", "a^b!c~d`e@contoso.example", "a+b@contoso.example", "100%@contoso.example", "%41%2f@contoso.example",
		"a&b=c@contoso.example", "a b@contoso.example", "zoë.日本@contoso.example", "$cash@contoso.example", "$count@contoso.example", "a#b?c@contoso.example",
		"a_b.example#EXT#@contoso.example", "a;b,c:d(e)*@contoso.example", "{a}|<b>@contoso.example",
	}
}

func TestAnOddUserPrincipalNameIsFoundByItsSegmentAndInParentheses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, request := range []string{"", "accountEnabled eq true or accountEnabled eq false"} {
			s := serveFiltered(t, simulator.Config{Users: 30}, request, "id", "userPrincipalName", "accountEnabled")
			for i, upn := range oddNames() {
				if err := s.tenant.Rename(i, upn); err != nil {
					t.Fatal(err)
				}
				paths := []string{"/users('" + url.PathEscape(strings.ReplaceAll(upn, "'", "''")) + "')"}
				if !strings.HasPrefix(upn, "$") {
					paths = append(paths, "/users/"+url.PathEscape(upn))
				}
				for _, path := range paths {
					w := s.ask(t, http.MethodGet, "https://api.example"+path)
					if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), s.tenant.ID(i)) {
						t.Errorf("filter %q, %s: %d %s", request, path, w.Code, w.Body)
					}
				}
			}
			if strings.Contains(s.log.String(), "contoso") {
				t.Errorf("the log names people: %s", &s.log)
			}
		}
	})
}

func TestWhatIsNotServedIsRefusedWithWhatIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 5}, "id", "userPrincipalName")
		id := s.tenant.ID(1)
		for _, c := range []struct {
			method, path string
			status       int
			says         string
		}{
			{"POST", "/$batch", 501, "send each of them by itself"},
			{"POST", "/v1.0/$batch", 501, "send each of them by itself"},
			{"POST", "/V1.0/%24Batch/", 501, "send each of them by itself"},
			{"GET", "/v1.0/$batch", 501, "send each of them by itself"},
			{"GET", "/me", 404, "GET /users/{id}"},
			{"GET", "/v1.0/Me", 404, "GET /users/{id}"},
			{"GET", "/beta/users", 404, "v1.0"},
			{"GET", "/v1.0/$metadata", 404, "/users/$count"},
			{"GET", "/groups", 404, "/users/$count"},
			{"POST", "/v1.0/subscriptions", 404, "/users/$count"},
			{"GET", "/", 404, "/users/$count"},
			{"GET", "/v1.0", 404, "/users/$count"},
			{"GET", "/v1.0/", 404, "/users/$count"},
			{"GET", "/users/" + id + "/manager", 404, "$select"},
			{"GET", "/users('" + id + "')/manager/", 404, "$select"},
			{"GET", "/users/" + id + "/displayName", 404, "$select"},
			{"GET", "/users/$count/x", 404, "$select"},
			{"GET", "/users/delta", 400, "changes"},
			{"GET", "/users/delta()", 400, "changes"},
			{"GET", "/users/microsoft.graph.delta()", 400, "changes"},
			{"GET", "/users/$cash@contoso.example", 400, "/users('$...')"},
			{"GET", "/users/$ref", 400, "neither an object id"},
			{"GET", "/users(" + id + ")", 400, "single quotation marks"},
			{"GET", "/users('" + id + "'", 400, "single quotation marks"},
			{"GET", "/users('o'neil@contoso.example')", 400, "doubled"},
			{"GET", "/users(''')", 400, "doubled"},
			{"GET", "/users()", 400, "single quotation marks"},
			{"GET", "/users('')", 400, "neither an object id"},
			{"GET", "/users(employeeId='7')", 400, "no other property is a key"},
			{"GET", "/users(userPrincipalName='a@contoso.example')", 400, "no other property is a key"},
			{"GET", "/users('a','b')", 400, "single quotation marks"},
			{"GET", "/users/%ff@contoso.example", 400, "UTF-8"},
			{"GET", "/users/a%00@contoso.example", 400, "control characters"},
			{"GET", "/users/a%2Fb@contoso.example", 400, "slashes"},
			{"GET", "/users/" + strings.Repeat("a", 300) + "@contoso.example", 400, "too long"},
			{"POST", "/users('" + id + "')", 405, "only be read"},
			{"PATCH", "/Users/" + id, 405, "only be read"},
		} {
			w := s.ask(t, c.method, "https://api.example"+c.path)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) || w.Header().Get("Rollcall-Error") != "Request.Invalid" || (w.Header().Get("Allow") == "GET, HEAD, OPTIONS") != (c.status == 405) {
				t.Errorf("%s %s: %d %v %s", c.method, c.path, w.Code, w.Header(), w.Body)
			}
		}
		if n := len(s.tenant.Requests()); n != 0 {
			t.Errorf("%d requests reached the tenant", n)
		}
	})
}

func TestHEADAnswersAsGETWithoutABody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 5}, "id")
		for path, status := range map[string]int{
			"/users": 200, "/users/$count": 200, "/users/" + s.tenant.ID(1): 200, "/users?$format=ndjson": 200, "/users?$format=csv": 200,
			"/users/00000000-0000-4000-8000-000000000001": 404, "/groups": 404, "/users?$top=x": 400,
		} {
			get, head := s.ask(t, http.MethodGet, "https://api.example"+path), s.ask(t, http.MethodHead, "https://api.example"+path)
			if get.Code != status || head.Code != status || head.Header().Get("Content-Type") != get.Header().Get("Content-Type") {
				t.Errorf("%s: GET %d %v, HEAD %d %v", path, get.Code, get.Header(), head.Code, head.Header())
			}
		}
	})
}

// Whoever is answered for a name knows that somebody has it.
func TestAUserIsFoundByUserPrincipalNameOnlyWhereThatIsAColumn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, filter := range []string{"", "accountEnabled eq true"} {
			s := serveFiltered(t, simulator.Config{Users: 30}, filter, "id", "displayName")
			answers := map[string]bool{}
			for i := range 20 {
				for _, upn := range []string{s.tenant.UserPrincipalName(i), fmt.Sprintf("nobody%d@contoso.example", i)} {
					for _, path := range []string{"/users/" + url.PathEscape(upn), "/users('" + url.PathEscape(upn) + "')"} {
						w, b := s.get(t, "https://api.example"+path)
						answers[fmt.Sprint(w.Code, b.Error.Code, b.Error.Message)] = true
					}
				}
			}
			if len(answers) != 1 {
				t.Fatalf("filter %q: names are answered differently: %v", filter, answers)
			}
			for answer := range answers {
				if !strings.HasPrefix(answer, "400") || !strings.Contains(answer, "userPrincipalName") || !strings.Contains(answer, "(id, displayName)") {
					t.Errorf("filter %q: %s", filter, answer)
				}
			}
			if n := len(s.tenant.Requests()); n != 0 {
				t.Errorf("%d requests reached the tenant", n)
			}
			if w, _ := s.get(t, "https://api.example/users/"+s.tenant.ID(0)); w.Code != http.StatusOK && w.Code != http.StatusNotFound {
				t.Errorf("by id: %d %s", w.Code, w.Body)
			}
		}
	})
}

func TestAUserOutsideTheFilterIsAnsweredAsOneWhoDoesNotExist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serveFiltered(t, simulator.Config{Users: 60}, "accountEnabled eq true", "id", "userPrincipalName")
		answer := func(key string) string {
			before := len(listed(s))
			w, b := s.get(t, "https://api.example/users/"+url.PathEscape(key))
			delete(b.Error.InnerError, "request-id")
			delete(b.Error.InnerError, "client-request-id")
			return fmt.Sprint(w.Code, b.Error, len(listed(s))-before)
		}
		outside := 0
		for i := range 60 {
			if got := answer(s.tenant.ID(i)); !strings.HasPrefix(got, "200") {
				outside++
				if absent := answer("00000000-0000-4000-8000-000000000001"); got != absent {
					t.Errorf("outside: %s, absent: %s", got, absent)
				}
				if got, absent := answer(s.tenant.UserPrincipalName(i)), answer("nobody@contoso.example"); got != absent {
					t.Errorf("outside: %s, absent: %s", got, absent)
				}
			}
		}
		if outside == 0 || outside == 60 {
			t.Errorf("%d of 60 users are outside", outside)
		}
	})
}
