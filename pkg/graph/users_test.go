package graph_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestOneUserIsReadByIDAndByUPN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 500})
		client := newClient(t, tenant, tenant.Transport())
		guests := 0
		for i := range 100 {
			upn := tenant.UserPrincipalName(i)
			if strings.Contains(upn, "#EXT#") {
				guests++
			}
			for _, key := range []string{tenant.ID(i), upn} {
				u, err := client.User(t.Context(), key, graph.Query{Select: []string{"id", "displayName"}})
				if err != nil || string(u.ID) != tenant.ID(i) {
					t.Fatalf("user %d by %q: %s, %v", i, key, u.ID, err)
				}
			}
		}
		if guests == 0 {
			t.Error("none of them was a guest, whose name has to be escaped")
		}
	})
}

func TestAUserWhoDoesNotExistIsNotFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 5})
		client := newClient(t, tenant, tenant.Transport())
		_, err := client.User(t.Context(), "anna.canary@contoso.example", graph.Query{})
		var answer *graph.Error
		if !errors.As(err, &answer) || answer.Name() != "Graph.NotFound" {
			t.Fatalf("error %v", err)
		}
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("the error names the person: %v", err)
		}
		if !strings.Contains(answer.Message, "canary") {
			t.Errorf("Graph's message %q is not kept for the caller", answer.Message)
		}
	})
}

func TestAKeyThatCannotBeAUsersIsNotRequested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 5})
		client := newClient(t, tenant, tenant.Transport())
		for _, id := range []string{"", ".", "..", "$count"} {
			if _, err := client.User(t.Context(), id, graph.Query{}); err == nil {
				t.Errorf("%q was read", id)
			}
		}
		if n := len(tenant.Requests()); n != 0 {
			t.Errorf("%d requests were made", n)
		}
		if _, err := client.User(t.Context(), "../groups", graph.Query{}); err == nil {
			t.Error("a path out of the users was read")
		}
		for _, r := range tenant.Requests() {
			if strings.Contains(r.Path, "groups") && r.Kind != "user" {
				t.Errorf("a request left the users: %s", r.Path)
			}
		}
	})
}

func TestTheCountIsReadWithAndWithoutAByteOrderMark(t *testing.T) {
	for _, bom := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{Users: 12_345, CountBOM: bom})
			n, err := newClient(t, tenant, tenant.Transport()).Count(t.Context(), graph.Query{}, new(graph.Stats))
			if n != 12_345 || err != nil {
				t.Errorf("byte order mark %t: %d, %v", bom, n, err)
			}
		})
	}
}

func TestASinglePageIsReadWithoutPrefetching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 250})
		client := newClient(t, tenant, tenant.Transport())
		token, seen, pages := "", map[string]bool{}, 0
		for {
			page, err := client.Page(t.Context(), graph.Query{Top: 100, Filter: "userType ne null", Advanced: true}, token)
			if err != nil {
				t.Fatal(err)
			}
			for u, err := range page.Users() {
				if err != nil {
					t.Fatal(err)
				}
				seen[string(u.ID)] = true
			}
			if n, ok := page.Count(); pages == 0 && (!ok || n != 250) {
				t.Errorf("count %d, %t", n, ok)
			}
			pages++
			synctest.Wait()
			if asked := len(listRequests(tenant)); asked != pages {
				t.Fatalf("%d requests for %d pages", asked, pages)
			}
			if page.Link() == "" {
				break
			}
			token = graph.SkipToken(page.Link())
		}
		if len(seen) != 250 || pages != 3 {
			t.Errorf("%d users on %d pages", len(seen), pages)
		}
	})
}

func TestAnInvalidPageTokenOfACallerIsReportedAsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 250})
		_, err := newClient(t, tenant, tenant.Transport()).Page(t.Context(), graph.Query{Top: 100}, "RFNwdA+mangled&$top=1")
		var answer *graph.Error
		if !errors.As(err, &answer) || !answer.PageToken() {
			t.Errorf("error %v", err)
		}
		for _, r := range listRequests(tenant) {
			if strings.Count(r.RawQuery, "$top=") != 1 {
				t.Errorf("the token changed the query: %s", r.RawQuery)
			}
		}
	})
}

// Every character that may stand in a userPrincipalName reaches Graph as itself.
func TestAnOddUserPrincipalNameIsReadByItsWholeName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 50})
		client := newClient(t, tenant, tenant.Transport())
		for i, upn := range []string{
			"o'neil@contoso.example", "a''b@contoso.example", "a^b!c~d@contoso.example", "a+b@contoso.example", "100%@contoso.example", "%41@contoso.example",
			"a&b=c@contoso.example", "a b@contoso.example", "zoë@contoso.example", "$cash@contoso.example", "$o'neil')@contoso.example", "$a''b@contoso.example", "a#b?c@contoso.example",
			"a_b.example#EXT#@contoso.example", "a;b,c:d(e)@contoso.example",
		} {
			if err := tenant.Rename(i, upn); err != nil {
				t.Fatal(err)
			}
			if u, err := client.User(t.Context(), upn, graph.Query{Select: []string{"id", "userPrincipalName"}}); err != nil || string(u.ID) != tenant.ID(i) {
				t.Errorf("%s: %s, %v", upn, u.Raw, err)
			}
		}
		for _, r := range tenant.Requests() {
			if r.Kind == "user" && strings.HasPrefix(r.Path, "/v1.0/users/$") {
				t.Errorf("a key became an option of OData: %s", r.Path)
			}
		}
	})
}
