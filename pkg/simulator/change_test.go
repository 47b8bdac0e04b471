package simulator_test

import (
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

func TestChurnFollowsTheClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, simulator.Config{Users: 1000, Churn: 60})
		before, _ := c.all(graphURL+"/v1.0/users?$select=id&$top=999", "id")
		time.Sleep(5 * time.Minute)
		after, _ := c.all(graphURL+"/v1.0/users?$select=id&$top=999", "id")
		same := map[string]bool{}
		for _, id := range before {
			same[id] = true
		}
		created := 0
		for _, id := range after {
			if !same[id] {
				created++
			}
		}
		if created < 90 || created > 100 || len(after) != distinct(after) || len(after) > len(before)+20 {
			t.Errorf("%d before, %d after, of which %d new", len(before), len(after), created)
		}
	})
}
