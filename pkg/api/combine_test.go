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

func TestOptionsThatDoNotGoTogetherAreRefusedBeforeGraphIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, query := range []string{
			"$format=ndjson&$top=5", "$format=csv&$top=5", "$format=ndjson&$skiptoken=RFNwdA", "$format=csv&$skiptoken=RFNwdA",
			"csv=excel", "$format=json&csv=excel", "$format=ndjson&csv=excel", "$format=csv&csv=raw", "$format=csv&csv=Excel",
		} {
			if w, b := s.get(t, "https://api.example/users?"+query); w.Code != http.StatusBadRequest || b.Error.Code != "Request.Invalid" {
				t.Errorf("%s: %d %.200s", query, w.Code, w.Body)
			}
		}
		if n := len(s.tenant.Requests()); n != 0 {
			t.Errorf("%d requests reached the tenant", n)
		}
	})
}

func TestAManagerCanBeSelectedAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50}, "id", "displayName", "manager")
		for option, values := range map[string][]string{
			"$filter":  {"manager eq null", "manager/id eq 'x'", "Manager/mail eq 'x'", "manager/any(m:m/id eq 'x')", "manager/$count eq 1", "not (MANAGER/displayName eq 'x')"},
			"$orderby": {"manager", "MANAGER desc", "displayName,manager"},
			"$search":  {`"manager:x"`, `"displayName:x" OR "MANAGER:x"`},
		} {
			for _, value := range values {
				query := "?" + option + "=" + url.QueryEscape(value)
				if w := s.ask(t, http.MethodGet, "https://api.example/users"+query); w.Code != http.StatusBadRequest {
					t.Errorf("%s: %d %.200s", value, w.Code, w.Body)
				}
			}
		}
		if n := len(s.tenant.Requests()); n != 0 {
			t.Errorf("%d requests reached the tenant", n)
		}
		if w, b := s.get(t, "https://api.example/users?$select=manager&$top=5"); w.Code != http.StatusOK || len(b.Value) != 5 {
			t.Errorf("selected: %d %.200s", w.Code, w.Body)
		}
	})
}

func TestAColumnThatIsSelectedTwiceIsAskedForOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		_, b := s.get(t, "https://api.example/users?$select=displayName,ID,DISPLAYNAME,%20id&$top=5")
		if want := "https://api.example/v1.0/$metadata#users(displayName,id)"; b.Context != want {
			t.Errorf("%s, want %s", b.Context, want)
		}
	})
}

func TestALinkKeepsTheSearchAndAPrefixWithoutItsSlash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 300})
		w, page := s.get(t, "https://api.example/users?$top=2&$search="+url.QueryEscape(`"DISPLAYNAME:s" OR "displayName:a&$select=mail"`), header.Prefix, "/prod/")
		link := page.Next
		u, err := url.Parse(link)
		if err != nil || !strings.HasPrefix(link, "https://api.example/prod/v1.0/users?") {
			t.Fatalf("the link is %q (%v): %d %.300s", link, err, w.Code, w.Body)
		}
		q := u.Query()
		if got, want := q.Get("$search"), `"displayName:s" OR "displayName:a&$select=mail"`; got != want || q.Has("$select") || q.Get("$top") != "2" {
			t.Errorf("the link's options are %v", q)
		}
	})
}
