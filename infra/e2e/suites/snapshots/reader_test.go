package snapshots_test

import (
	"maps"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/published"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// latest reads as a consumer does.
func (d *deployment) latest() (*snapshot.Manifest, published.Users) {
	d.Helper()
	body, err := d.get("latest/tenant=" + d.tenant.TenantID + ".json")
	if err != nil {
		d.Fatal(err)
	}
	m, users, err := published.Latest(body, func(url string) ([]byte, error) { return d.read(url), nil })
	if err != nil {
		d.Fatal(err)
	}
	return m, users
}

// table reads as a SQL engine does: every object that the symlink file lists.
func (d *deployment) table(key string) map[string]bool {
	d.Helper()
	links, err := d.get(key)
	if err != nil {
		d.Fatal(err)
	}
	users := published.Users{}
	for _, url := range strings.Fields(string(links)) {
		if err := users.Add(d.read(url)); err != nil {
			d.Fatal(err)
		}
	}
	return users
}

func (d *deployment) usersTable() map[string]bool {
	d.Helper()
	return d.table("users/tenant=" + d.tenant.TenantID + "/symlink.txt")
}

func (d *deployment) historyTable(day time.Time) map[string]bool {
	d.Helper()
	return d.table("history/tenant=" + d.tenant.TenantID + "/date=" + day.UTC().Format(time.DateOnly) + "/symlink.txt")
}

// present are the ids of the users that the tenant has now, of those with an index
// below limit.
func present(of *tenant.Tenant, limit int, gone map[int]bool) map[string]bool {
	users := map[string]bool{}
	for i := range limit {
		if !gone[i] {
			users[of.ID(i)] = true
		}
	}
	return users
}

// wantEverywhere checks that every way to read the list finds these users.
func (d *deployment) wantEverywhere(run string, users map[string]bool) {
	d.Helper()
	m, found := d.latest()
	if m.Run != run {
		d.Fatalf("latest is run %s, want %s", m.Run, run)
	}
	for name, got := range map[string]map[string]bool{"latest": found, "users": d.usersTable(), "users_history": d.historyTable(m.StartedAt)} {
		if !maps.Equal(got, users) {
			d.Fatalf("%s has %d users, which are not the %d of the tenant", name, len(got), len(users))
		}
	}
}
