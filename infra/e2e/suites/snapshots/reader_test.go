package snapshots_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// latest reads as a consumer does: latest, the manifest that it names, and the
// objects that the manifest names, each checked against its digest.
func (d *deployment) latest() (*snapshot.Manifest, map[string]bool) {
	d.Helper()
	body, err := d.get("latest/tenant=" + d.tenant.TenantID + ".json")
	if err != nil {
		d.Fatal(err)
	}
	var latest snapshot.Latest
	if err := json.Unmarshal(body, &latest); err != nil {
		d.Fatal(err)
	}
	proof := d.read(latest.Manifest)
	if digest(proof) != latest.ManifestSHA256 {
		d.Fatal("the manifest is not the one that latest names")
	}
	var m snapshot.Manifest
	if err := json.Unmarshal(proof, &m); err != nil {
		d.Fatal(err)
	}
	if m.Status != snapshot.Complete {
		d.Fatalf("latest names a run that is %s", m.Status)
	}
	users := map[string]bool{}
	for _, o := range m.Objects {
		object := d.read(o.URL)
		if int64(len(object)) != o.Bytes || digest(object) != o.SHA256 {
			d.Fatalf("%s is not what the manifest says", o.URL)
		}
		before := len(users)
		d.load(users, object)
		if len(users)-before != o.Users {
			d.Fatalf("%s has %d users, want %d", o.URL, len(users)-before, o.Users)
		}
	}
	if len(users) != m.Users {
		d.Fatalf("the manifest says %d users, there are %d", m.Users, len(users))
	}
	return &m, users
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// table reads as a SQL engine does: every object that the symlink file lists.
func (d *deployment) table(key string) map[string]bool {
	d.Helper()
	links, err := d.get(key)
	if err != nil {
		d.Fatal(err)
	}
	users := map[string]bool{}
	for _, url := range strings.Fields(string(links)) {
		d.load(users, d.read(url))
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

func (d *deployment) load(users map[string]bool, object []byte) {
	d.Helper()
	plain, err := gzip.NewReader(bytes.NewReader(object))
	if err != nil {
		d.Fatal(err)
	}
	for lines := json.NewDecoder(plain); lines.More(); {
		var user struct{ ID string }
		if err := lines.Decode(&user); err != nil {
			d.Fatal(err)
		}
		if users[user.ID] {
			d.Fatal("a user is there twice")
		}
		users[user.ID] = true
	}
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
