package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// reaching are ways of asking for what is not among the columns.
func reaching() []string {
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

func TestNothingReachesBeyondTheAllowList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 50})
		for _, query := range reaching() {
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

func TestTheConfiguredFilterHoldsForEverythingThatIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serveList(t, simulator.Config{Users: 400}, list.Request{Filter: "accountEnabled eq true or department eq 'nobody works here'"}, "id", "displayName", "department", "accountEnabled")
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

func TestAConfiguredFilterThatCannotBeTakenApartIsAConfigurationError(t *testing.T) {
	for _, filter := range []string{"accountEnabled eq", "a eq 1) or (b eq 2", "contains(tolower(mail),'x')"} {
		_, err := api.New(api.Config{Request: list.Request{Filter: filter}})
		if err == nil || failure.Of(err).Name != "Config.Invalid" || !strings.Contains(err.Error(), "ROLLCALL_FILTER") {
			t.Errorf("%q: %v", filter, err)
		}
	}
}

func TestAForgedSkiptokenLeadsNowhereElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, simulator.Config{Users: 250})
		_, first := s.get(t, "https://api.example/users?$top=10")
		u, err := url.Parse(first.Next)
		if err != nil {
			t.Fatal(err)
		}
		good := u.Query().Get("$skiptoken")
		for _, token := range []string{
			"x", good + "&$select=mail", good + "#", "../groups", "https://evil.example/v1.0/users?$skiptoken=" + good,
			"https://graph.microsoft.com/v1.0/groups?$skiptoken=" + good, strings.Repeat("A", 5000), "%2e%2e%2f", "\r\nX-Evil: 1",
		} {
			w := s.ask(t, http.MethodGet, "https://api.example/users?$top=10&$skiptoken="+url.QueryEscape(token))
			if w.Code == http.StatusOK && strings.Contains(w.Body.String(), `"mail"`) || w.Code >= 500 {
				t.Errorf("%.60q: %d %.200s", token, w.Code, w.Body)
			}
		}
		for _, r := range s.tenant.Requests() {
			if r.Kind == "list" && (r.Path != "/v1.0/users" || r.Host != "graph.microsoft.com" || selects(r.RawQuery, "mail")) {
				t.Errorf("a request went to %s%s?%s", r.Host, r.Path, r.RawQuery)
			}
		}
		if requests, _ := s.tenant.Foreign(); requests > 0 {
			t.Error("a foreign host was asked")
		}
	})
}

func TestAFloodedQueryIsRefusedUnread(t *testing.T) {
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

func selects(rawQuery, name string) bool {
	q, err := url.ParseQuery(rawQuery)
	return err != nil || strings.Contains(q.Get("$select"), name)
}
