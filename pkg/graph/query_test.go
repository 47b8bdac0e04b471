package graph_test

import (
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
		"nothing":     {graph.Query{}, url.Values{}, false},
		"a selection": {graph.Query{Select: []string{"id", "mail"}, Top: 999}, url.Values{"$select": {"id,mail"}, "$top": {"999"}}, false},
		"a filter":    {graph.Query{Filter: filter}, url.Values{"$filter": {filter}, "$count": {"true"}}, true},
		"a search":    {graph.Query{Search: `"displayName:a&b"`}, url.Values{"$search": {`"displayName:a&b"`}}, true},
		"an order":    {graph.Query{OrderBy: "displayName desc"}, url.Values{"$orderby": {"displayName desc"}, "$count": {"true"}}, true},
		"a count":     {graph.Query{Count: true}, url.Values{"$count": {"true"}}, true},
		"an expansion and a filter": {
			graph.Query{Expand: "manager($select=id)", Filter: "accountEnabled eq true"},
			url.Values{"$expand": {"manager($select=id)"}, "$filter": {"accountEnabled eq true"}},
			false,
		},
		"signInActivity with large pages": {graph.Query{Select: []string{"signInActivity"}, Top: 999}, url.Values{"$select": {"signInActivity"}, "$top": {"500"}}, false},
		"signInActivity with small pages": {graph.Query{Select: []string{"signInActivity"}, Top: 5}, url.Values{"$select": {"signInActivity"}, "$top": {"5"}}, false},
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
	if _, err := transport.client(t, graph.Config{}).Count(t.Context(), graph.Query{Filter: filter, Top: 5, Count: true}, new(graph.Stats)); err != nil {
		t.Fatal(err)
	}
	got, err := url.ParseQuery(transport.sent[0].URL.RawQuery)
	if err != nil || got.Encode() != (url.Values{"$filter": {filter}}).Encode() {
		t.Errorf("the filter of a count is %v, %v", got, err)
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
		for _, r := range listRequests(tenant) {
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
