package simulator_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// changing makes a client of a tenant that changes as a page is asked for.
func changing(t *testing.T, page int, change func(tenant *simulator.Tenant)) *client {
	t.Helper()
	var tenant *simulator.Tenant
	tenant = simulator.New(simulator.Config{Users: 50, OnPage: func(number int) {
		if number == page {
			change(tenant)
		}
	}})
	return clientOf(t, tenant)
}

func TestChangesDuringAReadShowAsGraphWouldShowThem(t *testing.T) {
	for _, test := range []struct {
		name            string
		change          func(tenant *simulator.Tenant) error
		users, distinct int
		now             int
	}{
		{"created", func(s *simulator.Tenant) error { s.Create(); return nil }, 51, 51, 51},
		{"deleted before it is read", func(s *simulator.Tenant) error { return s.Delete(45) }, 49, 49, 49},
		{"deleted after it was read", func(s *simulator.Tenant) error { return s.Delete(5) }, 50, 50, 49},
		{"renamed towards the front before it is read: missed", func(s *simulator.Tenant) error { return s.Rename(45, "a.a@contoso.example") }, 49, 49, 50},
		{"renamed towards the end after it was read: twice", func(s *simulator.Tenant) error { return s.Rename(5, "zz.z@contoso.example") }, 51, 50, 50},
		{"deleted and restored before it is read", func(s *simulator.Tenant) error { return errors.Join(s.Delete(45), s.Restore(45)) }, 50, 50, 50},
		{"moved to the end after it was read: twice", func(s *simulator.Tenant) error { return s.Move(5, false) }, 51, 50, 50},
		{"moved to the front before it is read: missed", func(s *simulator.Tenant) error { return s.Move(45, true) }, 49, 49, 50},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := changing(t, 3, func(tenant *simulator.Tenant) {
				if err := test.change(tenant); err != nil {
					t.Error(err)
				}
			})
			ids, _ := c.all(graphURL+"/v1.0/users?$select=id&$top=10", "id")
			if len(ids) != test.users || distinct(ids) != test.distinct || c.tenant.Users() != test.now {
				t.Errorf("%d users, %d distinct, %d now; want %d, %d, %d",
					len(ids), distinct(ids), c.tenant.Users(), test.users, test.distinct, test.now)
			}
		})
	}
}

func TestADeletedUserIsGoneEverywhere(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 5}).eventual()
	if err := c.tenant.Delete(2); err != nil {
		t.Fatal(err)
	}
	if c.tenant.Delete(2) == nil || c.tenant.Delete(7) == nil || c.tenant.Delete(-1) == nil || c.tenant.Move(2, true) == nil {
		t.Error("a user that does not exist can be changed")
	}
	if a := c.get("/users/" + c.tenant.ID(2)); a.status != 404 {
		t.Errorf("the deleted user gives %d", a.status)
	}
	if a := c.get("/users/$count"); a.body != "4" {
		t.Errorf("count %s", a.body)
	}
	if _, ok := c.tenant.Index(c.tenant.ID(2)); ok {
		t.Error("the index of the deleted user is found")
	}
	index := c.tenant.Create()
	if a := c.get("/users/" + c.tenant.ID(index)); index != 5 || a.status != 200 {
		t.Errorf("the new user %d gives %d", index, a.status)
	}
	for _, order := range []string{"", "&$orderby=userPrincipalName", "&$orderby=displayName"} {
		if ids, _ := c.all(graphURL+"/v1.0/users?$select=id&$top=2"+order, "id"); distinct(ids) != 5 || len(ids) != 5 {
			t.Errorf("%s: %d users", order, len(ids))
		}
	}
}

func TestReplicasAndCountsLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, simulator.Config{Users: 5, ReplicaLag: time.Minute, CountLag: time.Hour, TokenLifetime: 5 * time.Hour}).eventual()
		time.Sleep(time.Second)
		index := c.tenant.Create()
		if err := c.tenant.Delete(1); err != nil {
			t.Fatal(err)
		}
		c.tenant.Create()
		for _, want := range []struct {
			wait          time.Duration
			status, users int
			count         string
		}{
			{0, 404, 5, "5"},
			{time.Minute, 200, 6, "5"},
			{time.Hour, 200, 6, "6"},
		} {
			time.Sleep(want.wait)
			status := c.get("/users/" + c.tenant.ID(index)).status
			users := len(c.page("/users").Value)
			if count := c.get("/users/$count").body; status != want.status || users != want.users || count != want.count {
				t.Errorf("after %v: %d, %d users, count %s; want %d, %d, %s", want.wait, status, users, count, want.status, want.users, want.count)
			}
		}
	})
}

func TestARenamedUserHasNewNamesEverywhere(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 40})
	old := c.tenant.UserPrincipalName(7)
	link := c.latest("$select=displayName")
	must(t, c.tenant.Rename(7, "Zoë.Quux-Baz@contoso.example"))
	const want = `"userPrincipalName":"Zoë.Quux-Baz@contoso.example","displayName":"Zoë Quux Baz"`
	for _, key := range []string{c.tenant.ID(7), "zoë.quux-baz@CONTOSO.example"} {
		if a := c.get("/users/" + key + "?$select=userPrincipalName,displayName"); !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", key, a.status, a.body)
		}
	}
	if a := c.get("/users/" + old); a.status != 404 {
		t.Errorf("the old name gives %d", a.status)
	}
	if c.tenant.UserPrincipalName(7) != "Zoë.Quux-Baz@contoso.example" {
		t.Error(c.tenant.UserPrincipalName(7))
	}
	if a := c.get(users("$select=userPrincipalName,displayName", "$filter=displayName eq 'zoë quux baz'")); !strings.Contains(a.body, want) {
		t.Errorf("by filter: %s", a.body)
	}
	if entries, _, _ := c.round(link); !slices.Equal(entries, []string{"7 there"}) {
		t.Errorf("the change shows as %v", entries)
	}
	for _, refused := range []string{"", "x", "@x", "x@", c.tenant.UserPrincipalName(8), strings.ToUpper(c.tenant.UserPrincipalName(41)), "a\"@b", "zoë.quux-baz@contoso.example"} {
		if err := c.tenant.Rename(9, refused); err == nil {
			t.Errorf("a user can be renamed to %q", refused)
		}
	}
	must(t, c.tenant.Rename(7, old), c.tenant.Delete(8))
	if c.tenant.Rename(8, "new@contoso.example") == nil || c.tenant.Rename(40, "new@contoso.example") == nil {
		t.Error("a user who does not exist can be renamed")
	}
	if a := c.get("/users/" + old); !strings.Contains(a.body, c.tenant.ID(7)) {
		t.Errorf("back to the old name: %d %s", a.status, a.body)
	}
}

func TestRenamedUsersStandWhereTheirNamesSort(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 7000, Hostile: true})
	for index := 0; index < 7000; index += 5 {
		other := c.tenant.UserPrincipalName(6999 - index)
		must(t, c.tenant.Rename(index, strings.Replace(other, "@", ".x@", 1)))
	}
	for range 20 {
		c.tenant.Create()
	}
	for _, name := range []string{"userPrincipalName", "displayName"} {
		up, _ := c.all(graphURL+"/v1.0"+users("$top=250", "$select="+name, "$orderby="+name), name)
		down, _ := c.all(graphURL+"/v1.0"+users("$top=333", "$select="+name, "$orderby="+name+" desc"), name)
		for _, list := range [][]string{up, down} {
			for i, raw := range list {
				list[i] = lowered(t, raw)
			}
		}
		slices.Reverse(down)
		if len(up) != 7020 || !slices.IsSorted(up) || !slices.Equal(up, down) {
			t.Errorf("%s: %d up (sorted %t), %d down", name, len(up), slices.IsSorted(up), len(down))
		}
	}
	total := 0
	for _, filter := range []string{"userPrincipalName le 'd'", "userPrincipalName ge 'd' and userPrincipalName le 'm.x'", "userPrincipalName ge 'm.x'"} {
		some, _ := c.all(graphURL+"/v1.0"+users("$top=100", "$select=userPrincipalName", "$filter="+filter), "userPrincipalName")
		total += len(some)
	}
	if total != 7020 {
		t.Errorf("the partitions have %d users, want 7020", total)
	}
}

func lowered(t *testing.T, raw string) string {
	t.Helper()
	var s string
	if err := json.Unmarshal([]byte(raw), &s); err != nil {
		t.Fatal(err)
	}
	return strings.ToLower(s)
}

// A user who is renamed while a sorted list is read is missed or comes twice, and
// nobody else is.
func TestARenameDuringASortedReadMovesNobodyElse(t *testing.T) {
	for _, order := range []string{"userPrincipalName", "userPrincipalName desc", "displayName", "displayName desc"} {
		for page := 2; page <= 8; page++ {
			c := changing(t, page, func(tenant *simulator.Tenant) {
				must(t, tenant.Rename(11, "m.middle@contoso.example"), tenant.Rename(12, "aa@contoso.example"), tenant.Rename(13, "zz@contoso.example"))
				tenant.Create()
			})
			ids, _ := c.all(graphURL+"/v1.0"+users("$select=id", "$top=6", "$orderby="+order), "id")
			seen := map[string]int{}
			for _, id := range ids {
				seen[id]++
			}
			for index := range 50 {
				if n := seen[`"`+c.tenant.ID(index)+`"`]; n != 1 && (index < 11 || index > 13) {
					t.Errorf("%s, renamed at page %d: user %d comes %d times", order, page, index, n)
				}
			}
		}
	}
}

func TestATenantMayRefuseToSortDownwards(t *testing.T) {
	c := newClient(t, simulator.Config{Users: 5, NoDescending: true})
	for order, status := range map[string]int{"userPrincipalName": 200, "displayName asc": 200, "userPrincipalName desc": 400, "displayName desc": 400} {
		if a := c.get(users("$orderby=" + order)); a.status != status {
			t.Errorf("%s: %d", order, a.status)
		}
	}
}
