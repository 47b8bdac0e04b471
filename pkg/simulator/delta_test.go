package simulator_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// deltaPage is one answer to a delta query.
type deltaPage struct {
	Next  string                       `json:"@odata.nextLink"`
	Delta string                       `json:"@odata.deltaLink"`
	Value []map[string]json.RawMessage `json:"value"`
}

func (c *client) deltaPage(address string) deltaPage {
	c.t.Helper()
	a := c.get(address)
	var p deltaPage
	if a.status != 200 || json.Unmarshal([]byte(a.body), &p) != nil {
		c.t.Fatalf("GET %s: %d %s", address, a.status, a.body)
	}
	if (p.Next == "") == (p.Delta == "") {
		c.t.Fatalf("GET %s: nextLink %q, deltaLink %q", address, p.Next, p.Delta)
	}
	return p
}

// latest is a delta link from now on, with further options.
func (c *client) latest(options ...string) string {
	c.t.Helper()
	p := c.deltaPage(strings.Replace(users(append(options, "$deltatoken=latest")...), "/users?", "/users/delta?", 1))
	if len(p.Value) != 0 || p.Delta == "" {
		c.t.Fatalf("latest gives %d entries and the link %q", len(p.Value), p.Delta)
	}
	return p.Delta
}

// round reads a round of changes to its end, each as "index what".
func (c *client) round(link string) (entries []string, pages int, next string) {
	c.t.Helper()
	for {
		p := c.deltaPage(link)
		pages++
		for _, entry := range p.Value {
			entries = append(entries, c.describe(entry))
		}
		if p.Delta != "" {
			return entries, pages, p.Delta
		}
		link = p.Next
	}
}

// describe says who an entry is about, and which properties it has.
func (c *client) describe(entry map[string]json.RawMessage) string {
	var id string
	var removed struct{ Reason string }
	if json.Unmarshal(entry["id"], &id) != nil {
		c.t.Fatalf("an entry without an id: %s", entry)
	}
	index := -1
	for i := range 2000 {
		if c.tenant.ID(i) == id {
			index = i
			break
		}
	}
	if entry["@removed"] != nil && json.Unmarshal(entry["@removed"], &removed) == nil {
		return fmt.Sprintf("%d %s", index, removed.Reason)
	}
	return fmt.Sprintf("%d there", index)
}

func TestADeltaQueryShowsWhatHasChangedSinceItsToken(t *testing.T) {
	for _, path := range []string{"/users/delta", "/users/delta()", "/users/microsoft.graph.delta", "/users/microsoft.graph.delta()"} {
		t.Run(path, func(t *testing.T) {
			c := newClient(t, simulator.Config{Users: 50})
			must(t, c.tenant.Delete(1), c.tenant.Delete(2))
			p := c.deltaPage(path + "?$select=id,department&$deltaToken=latest")
			if len(p.Value) != 0 || !strings.HasPrefix(p.Delta, graphURL+"/v1.0"+path+"?$deltatoken=RFNwdA") {
				t.Fatalf("%+v", p)
			}
			must(t, c.tenant.SetDepartment(7, "Observatory"), c.tenant.Delete(8), c.tenant.Delete(9), c.tenant.Purge(9),
				c.tenant.Restore(1), c.tenant.Purge(2), c.tenant.Delete(10), c.tenant.Restore(10))
			c.tenant.Create()
			entries, _, next := c.round(p.Delta)
			want := []string{"7 there", "8 changed", "9 deleted", "1 there", "2 deleted", "10 there", "50 there"}
			if diff := cmp.Diff(want, entries); diff != "" {
				t.Error(diff)
			}
			if entries, _, later := c.round(next); len(entries) != 0 || later == next && c.tenant.Users() == 0 {
				t.Errorf("nothing has changed, but the next round shows %v", entries)
			}
			if entries, _, _ := c.round(p.Delta); len(entries) != len(want) {
				t.Errorf("the same link, used twice, shows %v", entries)
			}
		})
	}
}

func must(t testing.TB, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestADeltaQueryComesInPagesWithItsLinkBeforeTheUsers(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 1000})
	link := c.latest("$select=id")
	for index := range 450 {
		must(t, c.tenant.Delete(index))
	}
	a := c.get(link)
	if !strings.HasPrefix(a.body, `{"@odata.context":"https://graph.microsoft.com/v1.0/$metadata#users(id)","@odata.nextLink":"https://graph.microsoft.com/v1.0/users/delta?$skiptoken=RFNwdA`) ||
		!strings.Contains(a.body, `","value":[{"id":"`) {
		t.Errorf("%.300s", a.body)
	}
	entries, pages, _ := c.round(link)
	if pages != 3 || len(entries) != 450 || distinct(entries) != 450 {
		t.Errorf("%d pages, %d entries", pages, len(entries))
	}
	small := newClient(t, simulator.Config{Users: 30, DeltaPageSize: 7})
	if entries, pages, _ := small.round("/users/delta"); len(entries) != 30 || pages != 5 {
		t.Errorf("the first round has %d entries on %d pages, want 30 on 5", len(entries), pages)
	}
	empty := newClient(t, simulator.Config{Users: 30, Faults: []simulator.Fault{{Name: "empty-page", On: "delta"}}})
	if p := empty.deltaPage("/users/delta"); len(p.Value) != 0 || p.Next == "" {
		t.Errorf("%+v is no empty page with a link", p)
	}
	if entries, _, _ := empty.round("/users/delta"); len(entries) != 30 {
		t.Errorf("with empty pages %d entries come, want 30", len(entries))
	}
}

func TestTheFirstRoundShowsEverybodyAndThenWhoChangedMeanwhile(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 30, DeltaPageSize: 10})
	must(t, c.tenant.Delete(3))
	first := c.deltaPage("/users/delta?$select=id,manager")
	if !strings.Contains(string(first.Value[1]["manager@delta"]), c.tenant.ID(0)) {
		t.Errorf("the manager of user 1: %s", first.Value[1]["manager@delta"])
	}
	must(t, c.tenant.Delete(5), c.tenant.Delete(25))
	c.tenant.Create()
	entries, _, next := c.round(first.Next)
	if len(entries)+len(first.Value) != 29 {
		t.Errorf("the first round shows %d and %d users, want 29: 30 less two deleted, and one created", len(first.Value), len(entries))
	}
	changes, _, _ := c.round(next)
	if diff := cmp.Diff([]string{"5 changed", "25 changed", "30 there"}, changes); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyTrackedPropertiesCauseAnEntryWhichThenHasAllOfThem(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 30})
	names, departments, everything := c.latest("$select=displayName"), c.latest("$select=displayName,department,faxNumber"), c.latest()
	must(t, c.tenant.SetDepartment(4, "Observatory"), c.tenant.SetDepartment(5, ""))
	if entries, _, _ := c.round(names); len(entries) != 0 {
		t.Errorf("a property that is not tracked causes %v", entries)
	}
	if entries, _, _ := c.round(everything); len(entries) != 2 {
		t.Errorf("without a selection the entries are %v", entries)
	}
	a := c.get(departments)
	want := `"value":[{"id":"` + c.tenant.ID(4) + `","displayName":`
	if !strings.Contains(a.body, want) || !strings.Contains(a.body, `"department":"Observatory"},`) || !strings.Contains(a.body, `"department":null}`) {
		t.Errorf("%s", a.body)
	}
	if strings.Contains(a.body, `"faxNumber"`) {
		t.Errorf("a property that was never set is shown: %s", a.body)
	}
	c.header.Set("Prefer", "return=minimal")
	if a := c.get(departments); strings.Contains(a.body, `"displayName"`) || !strings.Contains(a.body, `"department":"Observatory"}`) {
		t.Errorf("the minimal form is %s", a.body)
	}
	c.header.Del("Prefer")
	must(t, c.tenant.SetDepartment(6, "Observatory"))
	entries, _, _ := c.round(names + "&$select=department")
	if diff := cmp.Diff([]string{"4 there", "5 there", "6 there"}, entries); diff != "" {
		t.Errorf("a new selection with an old token: %s", diff)
	}
}

func TestADeltaQueryIsFilteredByIdAlone(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 100})
	link := c.latest("$filter=id eq '" + c.tenant.ID(4) + "' or id eq '" + c.tenant.ID(9) + "'")
	must(t, c.tenant.Delete(3), c.tenant.Delete(9), c.tenant.SetDepartment(4, "Observatory"))
	entries, _, _ := c.round(link)
	if diff := cmp.Diff([]string{"9 changed", "4 there"}, entries); diff != "" {
		t.Error(diff)
	}
	first, _, _ := c.round("/users/delta?$filter=" + url.QueryEscape("id eq '"+c.tenant.ID(4)+"'"))
	if diff := cmp.Diff([]string{"4 there"}, first); diff != "" {
		t.Error(diff)
	}
	term := "id eq '" + c.tenant.ID(4) + "' or "
	for filter, status := range map[string]int{
		strings.TrimSuffix(strings.Repeat(term, 50), " or "): 200,
		strings.TrimSuffix(strings.Repeat(term, 51), " or "): 400,
		"displayName eq 'A'":                   400,
		"id in ('a','b')":                      400,
		"id eq 'a' and accountEnabled eq true": 400,
	} {
		if a := c.get("/users/delta?$filter=" + url.QueryEscape(filter)); a.status != status {
			t.Errorf("%.60s: %d, want %d", filter, a.status, status)
		}
	}
}

func TestADeltaQueryRefusesWhatItDoesNotSupport(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 500, Roles: []string{"User.Read.All", "AuditLog.Read.All"}})
	link, next := c.latest(), c.deltaPage("/users/delta").Next
	for address, status := range map[string]int{
		"/users/delta?$top=5": 400, "/users/delta?$expand=manager": 400, "/users/delta?$orderby=displayName": 400,
		"/users/delta?$count=true": 400, "/users/delta?$search=x": 400, "/users/delta?$select=nothing": 400,
		"/users/delta?$select=signInActivity": 400, "/users/delta?$select=skills": 501,
		"/users/delta?$deltatoken=wrong": 400, "/users/delta?$skiptoken=wrong": 400,
		next + "&$select=id": 400, link + "&$filter=id%20eq%20%27a%27": 400,
		strings.Replace(link, "$deltatoken", "$skiptoken", 1): 400,
		strings.Replace(next, "$skiptoken", "$deltatoken", 1): 400,
		link: 200, next: 200,
	} {
		if a := c.get(address); a.status != status || status >= 400 && a.code() == "" {
			t.Errorf("%.60s: %d %s, want %d", address, a.status, a.code(), status)
		}
	}
	basic := newClient(t, simulator.Config{Roles: []string{"User.ReadBasic.All"}})
	if a := basic.get("/users/delta"); a.status != 403 {
		t.Errorf("with User.ReadBasic.All: %d", a.status)
	}
}

func TestATenantWithoutDeltaQueriesSaysSo(t *testing.T) {
	for name, config := range map[string]simulator.Config{
		"B2C": {B2C: true}, "by configuration": {NoDelta: true}, "by fault": {Faults: []simulator.Fault{{Name: "delta-refused"}}},
	} {
		if a := newClient(t, config).get("/users/delta?$deltatoken=latest"); a.status != 400 || a.code() == "" {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
}

func TestAB2CTenantTakesPlainFiltersOnly(t *testing.T) {
	c := newClient(t, simulator.Config{B2C: true, Users: 100})
	for address, status := range map[string]int{
		users("$filter=accountEnabled eq true", "$select=id"):  200,
		users("$filter=userPrincipalName ge 'm'"):              200,
		users("$filter=accountEnabled eq true", "$count=true"): 400,
		users("$filter=companyName eq 'x'"):                    400,
		users("$search=\"displayName:a\""):                     400,
		"/users/$count":                                        400,
	} {
		if a := c.get(address); a.status != status {
			t.Errorf("%s: %d, want %d", address, a.status, status)
		}
	}
	c.eventual()
	for _, address := range []string{"/users", users("$filter=accountEnabled eq true"), "/users/$count"} {
		if a := c.get(address); a.status != 400 || a.code() == "" {
			t.Errorf("%s with ConsistencyLevel: eventual: %d", address, a.status)
		}
	}
}

func TestDeltaTokensAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, simulator.Config{Users: 5, TokenLifetime: 1000 * time.Hour})
		link := c.latest()
		time.Sleep(7 * 24 * time.Hour)
		renewed := c.deltaPage(link).Delta
		time.Sleep(time.Second)
		if a := c.get(link); a.status != 400 || a.code() != "syncStateNotFound" {
			t.Errorf("%d %s", a.status, a.body)
		}
		c.deltaPage(renewed)
	})
}

// deltaEnds checks that a delta link comes to an end, and that a new one works.
func deltaEnds(status int, code, location string) func(*testing.T, *client, string) {
	return func(t *testing.T, c *client, _ string) {
		link := c.latest()
		a := c.get(link)
		if a.status != status || a.code() != code || a.header.Get("Location") != location {
			t.Errorf("%d %s, Location %q", a.status, a.code(), a.header.Get("Location"))
		}
		if a := c.get(link); a.status != 400 {
			t.Errorf("the same link gives %d the second time", a.status)
		}
		c.deltaPage(c.latest())
	}
}

func deltaLags(t *testing.T, c *client, _ string) {
	link := c.latest()
	must(t, c.tenant.Delete(7))
	early, _, next := c.round(link)
	time.Sleep(11 * time.Second)
	late, _, _ := c.round(next)
	if len(early) != 0 || len(late) != 1 {
		t.Errorf("at once %v, later %v", early, late)
	}
}

func deltaReplays(t *testing.T, c *client, _ string) {
	for index := range 7 {
		must(t, c.tenant.Delete(index))
	}
	must(t, c.tenant.Restore(3))
	link := c.latest()
	must(t, c.tenant.Delete(8))
	entries, _, _ := c.round(link)
	want := []string{"3 changed", "4 changed", "5 changed", "6 changed", "3 there", "8 changed"}
	if diff := cmp.Diff(want, entries); diff != "" {
		t.Error(diff)
	}
}

func deltaDuplicates(t *testing.T, c *client, _ string) {
	link := c.latest()
	must(t, c.tenant.Delete(8))
	if entries, _, _ := c.round(link); len(entries) != 2 {
		t.Errorf("%v", entries)
	}
}
