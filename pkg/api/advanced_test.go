package api_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// spaced is a target written with spaces.
func spaced(target string) string { return strings.ReplaceAll(target, " ", "%20") }

func granted(users int, b2c bool) simulator.Config {
	return simulator.Config{Users: users, B2C: b2c, Roles: []string{"User.Read.All", "AuditLog.Read.All"}}
}

func TestWhatGraphCannotCombineIsRefusedByNameWithoutARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, granted(50, false), "id", "displayName", "department", "manager", "signInActivity", "accountEnabled")
		for target, names := range map[string][]string{
			"/users?$filter=department ne 'a'":                                                                          {"manager", "ne on department"},
			"/users?$select=manager&$filter=not(department eq 'a')":                                                     {"manager", "not, on department"},
			"/users?$search=\"displayName:a\"&$format=ndjson":                                                           {"manager", "$search"},
			"/users?$orderby=department&$format=csv":                                                                    {"manager", "$orderby by department"},
			"/users?$select=manager&$orderby=displayName&$filter=department eq 'a'":                                     {"manager", "$orderby"},
			"/users?$select=id&$filter=signInActivity/lastSignInDateTime le 2026-01-01T00:00:00Z and department eq 'a'": {"signInActivity", "department"},
			"/users/$count?$filter=signInActivity/lastSignInDateTime le 2026-01-01T00:00:00Z or accountEnabled eq true": {"signInActivity", "accountEnabled"},
		} {
			w, b := s.get(t, spaced(target))
			if w.Code != http.StatusBadRequest || b.Error.Code != "Request.Invalid" {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
			for _, name := range names {
				if !strings.Contains(b.Error.Message, name) {
					t.Errorf("%s: %q does not name %q", target, b.Error.Message, name)
				}
			}
		}
		if n := len(s.tenant.Requests()); n != 0 {
			t.Errorf("%d requests", n)
		}
		for _, target := range []string{"/users?$filter=department eq 'a'", "/users?$select=id&$filter=department ne 'a'", "/users/$count?$filter=department ne 'a'", "/users?$select=id&$search=\"displayName:a\""} {
			if w := s.ask(t, http.MethodGet, spaced(target)); w.Code != http.StatusOK {
				t.Errorf("%s: %d %s", target, w.Code, w.Body)
			}
		}
	})
}

func TestAUserCannotBeLookedUpWithinAFilterBySignIns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serveList(t, granted(50, false), list.Request{Filter: "signInActivity/lastSignInDateTime le 2030-01-01T00:00:00Z"}, "id", "displayName")
		w, b := s.get(t, "/users/"+s.tenant.ID(3))
		if w.Code != http.StatusBadRequest || !strings.Contains(b.Error.Message, "signInActivity") || len(s.tenant.Requests()) != 0 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestTheSignInsOfAUserAreReadByUserPrincipalNameToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, granted(50, false), "id", "userPrincipalName", "signInActivity")
		w, _ := s.get(t, "/users/"+s.tenant.UserPrincipalName(3))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), s.tenant.ID(3)) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestACountedPageIsAPlainOneWithACountOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, granted(250, false), "id", "department")
		for _, target := range []string{"/users?$count=true&$top=100", "/users?$count=true&$top=100&$filter=department ne 'nowhere'"} {
			seen, pages := 0, 0
			for next := spaced(target); next != ""; pages++ {
				w, b := s.get(t, next)
				if w.Code != http.StatusOK || strings.Contains(w.Body.String(), `"@odata.count":250`) != (pages == 0) {
					t.Fatalf("page %d: %d %.200s", pages+1, w.Code, w.Body)
				}
				seen += len(b.Value)
				next = strings.TrimPrefix(b.Next, "https://api.example")
			}
			if seen != 250 || pages != 3 {
				t.Errorf("%d users on %d pages", seen, pages)
			}
		}
		for _, r := range listed(s) {
			if ne := strings.Contains(r.RawQuery, "+ne+") || strings.Contains(r.RawQuery, "%20ne%20"); ne != (r.ConsistencyLevel == "eventual") {
				t.Errorf("%s: ConsistencyLevel %q", r.RawQuery, r.ConsistencyLevel)
			}
		}
	})
}

func TestAFilterIsAnsweredInATenantOfB2C(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50, B2C: true}, "id", "accountEnabled")
		if w, b := s.get(t, spaced("/users?$filter=accountEnabled eq true")); w.Code != http.StatusOK || len(b.Value) == 0 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w, _ := s.get(t, "/users?$count=true"); w.Code != http.StatusBadRequest {
			t.Errorf("a tenant that does not count gives %d %.200s", w.Code, w.Body)
		}
	})
}
