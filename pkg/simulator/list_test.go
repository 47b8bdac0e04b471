package simulator_test

import (
	"net/url"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestPagingReadsEveryUserOnceUnderEachOption(t *testing.T) {
	for _, test := range []struct {
		name     string
		config   simulator.Config
		query    string
		eventual bool
		pages    int
	}{
		{name: "nothing asked", pages: 13},
		{name: "largest page", query: "$top=999&$select=id", pages: 2},
		{name: "one a page", config: simulator.Config{Users: 30}, query: "$top=1&$select=id", pages: 30},
		{name: "exact fit", config: simulator.Config{Users: 300}, query: "$select=id", pages: 3},
		{name: "link after value", config: simulator.Config{LinkAfterValue: true}, query: "$select=id", pages: 13},
		{name: "own page size", config: simulator.Config{PageSize: 250}, query: "$select=id", pages: 5},
		{name: "sign-in names in order", query: "$select=id&$orderby=userPrincipalName", pages: 13},
		{name: "sign-in names backwards", query: "$select=id&$orderby=userPrincipalName desc", pages: 13},
		{name: "display names in order", query: "$select=id&$orderby=displayName", pages: 13},
		{name: "display names backwards", query: "$select=id&$orderby=displayName desc", pages: 13},
		{name: "counted", query: "$select=id&$count=true", eventual: true, pages: 13},
		{name: "with managers", query: "$select=id&$expand=manager($select=id)", pages: 13},
		{name: "everybody by filter", query: "$select=id&$filter=userPrincipalName ge 'a'", pages: 13},
		{name: "hostile names", config: simulator.Config{Hostile: true}, query: "$select=id,displayName", pages: 13},
		{name: "with empty pages", config: simulator.Config{Faults: []simulator.Fault{{Name: "empty-page"}}}, query: "$select=id&$top=300", pages: 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.config.Users == 0 {
				test.config.Users = 1234
			}
			c := newClient(t, test.config)
			if test.eventual {
				c.eventual()
			}
			ids, pages := c.all(graphURL+"/v1.0/users?"+escape(test.query), "id")
			if len(ids) != test.config.Users || distinct(ids) != test.config.Users {
				t.Errorf("%d users, %d distinct, want %d", len(ids), distinct(ids), test.config.Users)
			}
			if pages != test.pages && test.name != "with empty pages" {
				t.Errorf("%d pages, want %d", pages, test.pages)
			}
		})
	}
}

// escape encodes a query that is written plainly.
func escape(query string) string {
	values, err := url.ParseQuery(query)
	if err != nil {
		return query
	}
	return values.Encode()
}
