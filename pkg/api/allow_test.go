package api_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// beyondTheAllowList are queries for properties that are not among the columns.
func beyondTheAllowList() []string {
	var all []string
	for _, filter := range []string{
		"mail eq 'x'", "MAIL eq 'x'", "Mail eq null", "accountEnabled eq true", "not (mail eq 'x')", "displayName eq 'x' or mail eq 'x'",
		"startsWith(mail,'a')", "STARTSWITH(mail,'a')", "mail in ('a')", "otherMails/any(m:m eq 'x')", "displayName eq 'x' and (department eq 'y' or not startsWith(userPrincipalName,'a'))",
		"passwordProfile/forceChangePasswordNextSignIn eq true", "manager/id eq 'x'", "department/any(d:mail eq 'x')", "assignedLicenses/$count eq 0",
		"microsoft.graph.user/mail eq 'x'", "displayName eq 'x') or (mail eq 'x'", "displayName eq 'x'&$select=mail", "mail eq displayName", "displayName eq mail",
		"$it/mail eq 'x'", "@a eq 'x'", "displayName eq 'x' //mail", "d\x00isplayName eq 'x'", "mail%20eq%20'x'", "displayName%2520eq 1",
	} {
		all = append(all, "$filter="+url.QueryEscape(filter), "%24filter="+url.QueryEscape(filter), "$FILTER="+url.QueryEscape(filter))
	}
	for option, values := range map[string][]string{
		"$orderby": {"mail", "MAIL desc", "displayName,mail", "manager", "displayName desc mail", "mail%20asc"},
		"$search":  {`"mail:x"`, `"displayName:x" OR "mail:y"`, `"x"`, `x`, `"MAIL:x"`, `"displayName:x" AND ("mail:y")`},
		"$select":  {"mail", "Mail", "displayName,mail", "*", "displayName%2Cmail", "displayName,manager/id", " ", "id,,mail"},
		"$expand":  {"manager", "manager($select=mail)", "memberOf"},
		"$apply":   {"groupby((mail))"}, "$compute": {"mail as m"}, "$levels": {"1"}, "$skip": {"5"}, "$deltatoken": {"latest"},
	} {
		for _, value := range values {
			all = append(all, option+"="+url.QueryEscape(value), strings.ToUpper(option)+"="+url.QueryEscape(value))
		}
	}
	return all
}

func TestNoOptionReachesBeyondTheAllowList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, query := range beyondTheAllowList() {
			for _, path := range []string{"/users", "/v1.0/users/$count", "/users/" + s.tenant.ID(3)} {
				w := s.ask(t, http.MethodGet, "https://api.example"+path+"?"+query)
				if w.Code != http.StatusBadRequest {
					t.Errorf("%s?%s: %d %.200s", path, query, w.Code, w.Body)
				}
			}
		}
		if n := len(s.tenant.Requests()); n != 0 {
			t.Errorf("%d requests reached the tenant", n)
		}
	})
}

func TestAFilterOverAllowedColumnsIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 500})
		_, everyone := s.get(t, "https://api.example/users?$filter="+url.QueryEscape("DEPARTMENT eq 'Sales' or not (department eq 'Sales') or department eq null")+"&$count=true")
		_, sales := s.get(t, "https://api.example/users?$filter="+url.QueryEscape("department eq 'Sales'")+"&$count=true&$top=5")
		if everyone.Count == nil || *everyone.Count != 500 || sales.Count == nil || *sales.Count < 5 || *sales.Count > 200 {
			t.Fatalf("everyone %v, Sales %v", everyone.Count, sales.Count)
		}
		seen := map[string]bool{}
		for next := "https://api.example/users?$filter=" + url.QueryEscape("department eq 'Sales'") + "&$top=5"; next != ""; {
			_, b := s.get(t, next)
			for _, u := range b.Value {
				if u["department"] != "Sales" {
					t.Fatalf("%v is not in Sales", u)
				}
				seen[u["id"].(string)] = true
			}
			next = b.Next
		}
		if len(seen) != *sales.Count {
			t.Errorf("%d users along the links, %d counted", len(seen), *sales.Count)
		}
	})
}

func TestOrderAndSearchOverAllowedColumnsAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 300})
		_, b := s.get(t, "https://api.example/users?$orderby=DisplayName%20desc&$top=50")
		if len(b.Value) != 50 {
			t.Fatalf("%d users", len(b.Value))
		}
		_, found := s.get(t, "https://api.example/users?$search="+url.QueryEscape(`"displayName:ol"`))
		if len(found.Value) == 0 || len(found.Value) == 300 {
			t.Errorf("%d users found", len(found.Value))
		}
	})
}

func TestTheManagerCanBeSelectedButNotFilteredSearchedOrOrderedBy(t *testing.T) {
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

func TestAColumnThatIsSelectedTwiceIsRequestedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		_, b := s.get(t, "https://api.example/users?$select=displayName,ID,DISPLAYNAME,%20id&$top=5")
		if want := "https://api.example/v1.0/$metadata#users(displayName,id)"; b.Context != want {
			t.Errorf("%s, want %s", b.Context, want)
		}
	})
}

func TestTheConfiguredFilterAppliesToEverythingThatIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serveList(t, simulator.Config{Users: 400}, list.Request{Filter: "accountEnabled eq true or department eq 'nobody works here'"},
			"id", "userPrincipalName", "displayName", "department", "accountEnabled")
		all := 0
		for _, filter := range []string{"", "accountEnabled eq false", "accountEnabled eq true or accountEnabled eq false", "not (department eq 'Sales')", "department ne 'x' or accountEnabled eq false"} {
			query := "?$count=true"
			if filter != "" {
				query += "&$filter=" + url.QueryEscape(filter)
			}
			w, b := s.get(t, "https://api.example/users"+query)
			if w.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", filter, w.Code, w.Body)
			}
			for _, u := range b.Value {
				if u["accountEnabled"] == false {
					t.Fatalf("%q lets %v through", filter, u)
				}
			}
			count := s.ask(t, http.MethodGet, "https://api.example/users/$count"+strings.Replace(query, "?$count=true", "?", 1))
			if count.Code != http.StatusOK || count.Body.String() != fmt.Sprint(*b.Count) {
				t.Errorf("%q: counted %s, the list says %d", filter, count.Body, *b.Count)
			}
			if filter == "" {
				all = *b.Count
			}
		}
		if all == 0 || all == 400 {
			t.Fatalf("%d of 400 users: the filter shows nothing", all)
		}
		inside, outside := 0, 0
		for i := range 60 {
			for _, key := range []string{s.tenant.ID(i), s.tenant.UserPrincipalName(i)} {
				w := s.ask(t, http.MethodGet, "https://api.example/users/"+url.PathEscape(key))
				switch w.Code {
				case http.StatusOK:
					inside++
				case http.StatusNotFound:
					outside++
				default:
					t.Fatalf("%d %s", w.Code, w.Body)
				}
				if strings.Contains(w.Body.String(), `"accountEnabled":false`) {
					t.Errorf("user %d is outside the filter and shown", i)
				}
			}
		}
		if inside == 0 || outside == 0 || inside%2 != 0 || outside%2 != 0 {
			t.Errorf("%d inside, %d outside", inside, outside)
		}
	})
}

func TestTheConfiguredFilterAppliesToEveryPage(t *testing.T) {
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

func TestAConfiguredFilterThatCannotBeParsedIsAConfigurationError(t *testing.T) {
	for _, filter := range []string{"accountEnabled eq", "a eq 1) or (b eq 2", "contains(tolower(mail),'x')"} {
		_, err := api.New(api.Config{Request: list.Request{Filter: filter}})
		if err == nil || failure.Of(err).Name != "Config.Invalid" || !strings.Contains(err.Error(), "ROLLCALL_FILTER") {
			t.Errorf("%q: %v", filter, err)
		}
	}
}

func TestAnOptionalColumnThatGraphRefusesIsOmittedFromThenOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50}, "displayName", "signInActivity?")
		for range 2 {
			if w, b := s.get(t, "https://api.example/users"); w.Code != http.StatusOK || len(b.Value) != 50 {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
		}
		requests := 0
		for _, r := range s.tenant.Requests() {
			if strings.Contains(r.RawQuery, "signInActivity") {
				requests++
			}
		}
		if requests != 2 { // the page, then the column alone
			t.Errorf("the refused column was requested %d times", requests)
		}
	})
}

func TestAColumnRefusedInASelectionDoesNotAffectOtherRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50}, "displayName", "department", "signInActivity?")
		s.get(t, "https://api.example/users?$select=displayName,signInActivity")
		w, b := s.get(t, "https://api.example/users")
		if w.Code != http.StatusOK || b.Value[0]["department"] == nil && !strings.Contains(w.Body.String(), `"department"`) {
			t.Errorf("%d %.300s", w.Code, w.Body)
		}
	})
}

func TestARefusedColumnIsNotTheCallersError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50}, "displayName", "aboutMe")
		w, b := s.get(t, "https://api.example/users")
		if w.Code == 400 {
			t.Errorf("%d %+v", w.Code, b.Error)
		}
	})
}

// Graph is not asked for each column alone when it refuses the filter.
func TestAFilterThatGraphRefusesCostsFewRequests(t *testing.T) {
	requests := 0
	s := serveFrom(t, scripted(t, func(r *http.Request) (*http.Response, error) {
		requests++
		if r.URL.Query().Get("$filter") == "" {
			return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"value":[]}`)), Request: r}, nil
		}
		return &http.Response{StatusCode: 400, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(`{"error":{"code":"Request_UnsupportedQuery","message":"no"}}`)), Request: r}, nil
	}), "id", "displayName", "department", "mail", "city", "country", "jobTitle", "surname", "givenName", "companyName")
	s.get(t, "https://api.example/users?$filter="+url.QueryEscape("contains(displayName,'x')"))
	if requests > 3 {
		t.Errorf("%d requests", requests)
	}
}
