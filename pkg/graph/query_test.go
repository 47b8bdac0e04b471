package graph_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestAQueryIsWrittenTheWayGraphReadsIt(t *testing.T) {
	const filter = "displayName eq 'R&D+Sales #1 50%' and mail ne 'ä@x.example'"
	for name, c := range map[string]struct {
		query    graph.Query
		want     url.Values
		eventual bool
	}{
		"nothing":                             {graph.Query{}, url.Values{}, false},
		"a selection":                         {graph.Query{Select: []string{"id", "mail"}, Top: 999}, url.Values{"$select": {"id,mail"}, "$top": {"999"}}, false},
		"a filter":                            {graph.Query{Filter: filter}, url.Values{"$filter": {filter}}, false},
		"a filter that is known to need more": {graph.Query{Filter: filter, Advanced: true}, url.Values{"$filter": {filter}, "$count": {"true"}}, true},
		"a filter and an order":               {graph.Query{Filter: filter, OrderBy: "displayName"}, url.Values{"$filter": {filter}, "$orderby": {"displayName"}, "$count": {"true"}}, true},
		"a search":                            {graph.Query{Search: `"displayName:a&b"`}, url.Values{"$search": {`"displayName:a&b"`}}, true},
		"an order":                            {graph.Query{OrderBy: "displayName desc"}, url.Values{"$orderby": {"displayName desc"}}, false},
		"an expansion and a filter": {
			graph.Query{Expand: "manager($select=id)", Filter: "accountEnabled eq true"},
			url.Values{"$expand": {"manager($select=id)"}, "$filter": {"accountEnabled eq true"}},
			false,
		},
		"signInActivity with large pages":     {graph.Query{Select: []string{"signInActivity"}, Top: 999}, url.Values{"$select": {"signInActivity"}, "$top": {"500"}}, false},
		"a filter by signInActivity":          {graph.Query{Filter: "signInActivity/lastSignInDateTime le 2026-01-01", Top: 999}, url.Values{"$filter": {"signInActivity/lastSignInDateTime le 2026-01-01"}, "$top": {"500"}}, false},
		"signInActivity in an advanced query": {graph.Query{Select: []string{"signInActivity"}, Filter: filter, Advanced: true, Top: 999}, url.Values{"$select": {"signInActivity"}, "$filter": {filter}, "$count": {"true"}, "$top": {"120"}}, true},
		"signInActivity with small pages":     {graph.Query{Select: []string{"signInActivity"}, Top: 5}, url.Values{"$select": {"signInActivity"}, "$top": {"5"}}, false},
	} {
		transport := pages(1)
		if _, err := readAll(t.Context(), transport.client(t, graph.Config{}).Pager(c.query)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		query, eventual := transport.sent[0].URL.RawQuery, transport.sent[0].Header.Get("ConsistencyLevel") == "eventual"
		got, err := url.ParseQuery(query)
		if err != nil || got.Encode() != c.want.Encode() || eventual != c.eventual {
			t.Errorf("%s: %v, %v, eventual %t; want %v, eventual %t", name, got, err, eventual, c.want, c.eventual)
		}
		if strings.Contains(query, "&%24") || strings.HasPrefix(query, "%24") {
			t.Errorf("%s: the dollar sign of an option is escaped: %s", name, query)
		}
	}
	transport := &answers{all: []answer{{status: 200, body: "7"}}}
	if _, err := transport.client(t, graph.Config{}).Count(t.Context(), graph.Query{Filter: filter, Top: 5}, new(graph.Stats)); err != nil {
		t.Fatal(err)
	}
	got, err := url.ParseQuery(transport.sent[0].URL.RawQuery)
	if err != nil || got.Encode() != (url.Values{"$filter": {filter}}).Encode() {
		t.Errorf("the filter of a count is %v, %v", got, err)
	}
}

// plainly is how many requests were sent without the header of advanced queries.
func plainly(tenant *simulator.Tenant) (plain, advanced int) {
	for _, r := range listRequests(tenant) {
		if r.ConsistencyLevel == "" {
			plain++
		} else {
			advanced++
		}
	}
	return plain, advanced
}

func TestAFilterIsSentPlainlyFirst(t *testing.T) {
	many := "department in ('a','b','c','d','e','f','g','h','i','j','k','l','m','n','o','p')"
	for name, c := range map[string]struct {
		b2c             bool
		query           graph.Query
		plain, advanced int // requests of two lists
		fails           bool
	}{
		"that any request may use":   {false, graph.Query{Filter: "accountEnabled eq true"}, 2, 0, false},
		"in a tenant of B2C":         {true, graph.Query{Filter: "accountEnabled eq true"}, 2, 0, false},
		"of a well-known order":      {false, graph.Query{OrderBy: "displayName"}, 2, 0, false},
		"that Graph refuses plainly": {false, graph.Query{Filter: "accountEnabled ne true"}, 1, 2, false},
		"of too many values":         {false, graph.Query{Filter: many}, 1, 2, false},
		"that is known to need more": {false, graph.Query{Filter: "accountEnabled ne true", Advanced: true}, 0, 2, false},
		"that B2C does not answer":   {true, graph.Query{Filter: "accountEnabled ne true"}, 2, 2, true},
		"that cannot be advanced":    {false, graph.Query{Filter: "accountEnabled ne true", Expand: "manager($select=id)"}, 2, 0, true},
		"that is none":               {false, graph.Query{Filter: "accountEnabled"}, 2, 2, true},
		"of signInActivity":          {false, graph.Query{Filter: "signInActivity/lastSignInDateTime le 2030-01-01T00:00:00Z"}, 2, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tenant := simulator.New(simulator.Config{Users: 50, B2C: c.b2c, Roles: []string{"User.Read.All", "AuditLog.Read.All"}})
				client := newClient(t, tenant, tenant.Transport())
				c.query.Top = 100
				for range 2 {
					if _, err := readAll(t.Context(), client.Pager(c.query)); (err != nil) != c.fails {
						t.Error(err)
					}
				}
				if plain, advanced := plainly(tenant); plain != c.plain || advanced != c.advanced {
					t.Errorf("%d plain and %d advanced requests, want %d and %d", plain, advanced, c.plain, c.advanced)
				}
			})
		})
	}
}

func TestAListThatBeginsAtALinkOfAnAdvancedQueryIsOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 500})
		query := graph.Query{Top: 100, Filter: "accountEnabled ne false"}
		page, err := newClient(t, tenant, tenant.Transport()).Page(t.Context(), query, "")
		if err != nil {
			t.Fatal(err)
		}
		first := 0
		for _, err := range page.Users() {
			if first++; err != nil {
				t.Fatal(err)
			}
		}
		if !page.Advanced() {
			t.Error("the page is not said to be of an advanced query")
		}
		pager := newClient(t, tenant, tenant.Transport()).Pager(query) // of another process
		if err := pager.From(page.Link()); err != nil {
			t.Fatal(err)
		}
		if n, err := readAll(t.Context(), pager); n == 0 || err != nil {
			t.Errorf("%d users, %v", n, err)
		}
		if plain, _ := plainly(tenant); plain != 1 {
			t.Errorf("%d plain requests, want only the first", plain)
		}
	})
}

func TestAUserIsReadByIDWhereGraphDemandsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 50, Roles: []string{"User.Read.All", "AuditLog.Read.All"}})
		user, err := newClient(t, tenant, tenant.Transport()).User(t.Context(), tenant.UserPrincipalName(7), graph.Query{Select: []string{"id", "signInActivity"}})
		if err != nil || string(user.ID) != tenant.ID(7) || !strings.Contains(string(user.Raw), "signInActivity") {
			t.Errorf("%s, %v", user.Raw, err)
		}
	})
}

func TestAURLThatIsTooLongIsTheCallersFaultAndNamesItsLength(t *testing.T) {
	for _, a := range []answer{{status: 414}, {status: 414, body: `{"error":{"code":"UriTooLong"}}`}, {status: 404, body: "<html>"}, {status: 400, body: "Bad Request - Invalid URL"}} {
		transport := &answers{all: []answer{a}}
		_, err := transport.client(t, graph.Config{}).Count(t.Context(), graph.Query{Filter: "department eq '" + strings.Repeat("a", 3000) + "'"}, new(graph.Stats))
		var answer *graph.Error
		if !errors.As(err, &answer) || answer.Name() != "Graph.BadRequest" || len(transport.sent) != 1 ||
			!strings.Contains(err.Error(), fmt.Sprintf("%d characters", len(transport.sent[0].URL.String()))) {
			t.Errorf("%d: %v", a.status, err)
		}
	}
}

func TestAnAdvancedQuerySendsItsHeaderOnEveryPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 1000})
		client := newClient(t, tenant, tenant.Transport())
		n, err := readAll(t.Context(), client.Pager(graph.Query{Top: 100, Filter: "accountEnabled ne false"}))
		if err != nil || n == 0 || n == 1000 {
			t.Fatalf("%d users, %v", n, err)
		}
		all := listRequests(tenant)
		if all[0].ConsistencyLevel != "" || all[0].Status != http.StatusBadRequest {
			t.Errorf("the first request: ConsistencyLevel %q, status %d", all[0].ConsistencyLevel, all[0].Status)
		}
		for _, r := range all[1:] {
			if r.ConsistencyLevel != "eventual" {
				t.Errorf("page %d: ConsistencyLevel %q", r.Page, r.ConsistencyLevel)
			}
		}
		counted, err := client.Count(t.Context(), graph.Query{Filter: "accountEnabled ne false"}, new(graph.Stats))
		if err != nil || counted != n {
			t.Errorf("the count with the same filter is %d, %v; %d were listed", counted, err, n)
		}
	})
}
