package snapshots

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// latest reads as one does who knows only latest: it, the manifest that it names,
// and the objects that this names, each checked against what names it.
func (w *world) latest() (*snapshot.Manifest, map[string]bool) {
	w.Helper()
	body, err := w.maybe("latest/tenant=" + w.tenant.Config().Tenant + ".json")
	if err != nil {
		w.Fatal(err)
	}
	var latest snapshot.Latest
	if err := json.Unmarshal(body, &latest); err != nil {
		w.Fatal(err)
	}
	proof := w.read(latest.Manifest)
	if digest(proof) != latest.ManifestSHA256 {
		w.Fatal("the manifest is not the one that latest names")
	}
	var m snapshot.Manifest
	if err := json.Unmarshal(proof, &m); err != nil {
		w.Fatal(err)
	}
	if m.Status != snapshot.Complete {
		w.Fatalf("latest names a run that is %s", m.Status)
	}
	users := map[string]bool{}
	for _, o := range m.Objects {
		object := w.read(o.URL)
		if int64(len(object)) != o.Bytes || digest(object) != o.SHA256 {
			w.Fatalf("%s is not what the manifest says", o.URL)
		}
		before := len(users)
		w.load(users, object)
		if len(users)-before != o.Users {
			w.Fatalf("%s holds %d users, want %d", o.URL, len(users)-before, o.Users)
		}
	}
	if len(users) != m.Users {
		w.Fatalf("the manifest says %d users, there are %d", m.Users, len(users))
	}
	return &m, users
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// table reads as a SQL engine does: every object that the symlink lists.
func (w *world) table(key string) map[string]bool {
	w.Helper()
	links, err := w.maybe(key)
	if err != nil {
		w.Fatal(err)
	}
	users := map[string]bool{}
	for _, url := range strings.Fields(string(links)) {
		w.load(users, w.read(url))
	}
	return users
}

func (w *world) usersTable() map[string]bool {
	w.Helper()
	return w.table("users/tenant=" + w.tenant.Config().Tenant + "/symlink.txt")
}

func (w *world) historyTable(day time.Time) map[string]bool {
	w.Helper()
	return w.table("history/tenant=" + w.tenant.Config().Tenant + "/date=" + day.UTC().Format(time.DateOnly) + "/symlink.txt")
}

func (w *world) load(users map[string]bool, object []byte) {
	w.Helper()
	plain, err := gzip.NewReader(bytes.NewReader(object))
	if err != nil {
		w.Fatal(err)
	}
	d := json.NewDecoder(plain)
	for d.More() {
		var user struct{ ID string }
		if err := d.Decode(&user); err != nil {
			w.Fatal(err)
		}
		if users[user.ID] {
			w.Fatal("a user is there twice")
		}
		users[user.ID] = true
	}
}

// present are the ids of the users that the tenant has now, of those with an index
// below limit.
func present(tenant *simulator.Tenant, limit int, gone map[int]bool) map[string]bool {
	users := map[string]bool{}
	for i := range limit {
		if !gone[i] {
			users[tenant.ID(i)] = true
		}
	}
	return users
}

// wantEverywhere checks that all ways to the list lead to these users.
func (w *world) wantEverywhere(run string, users map[string]bool) {
	w.Helper()
	m, found := w.latest()
	if m.Run != run {
		w.Fatalf("latest is run %s, want %s", m.Run, run)
	}
	for name, got := range map[string]map[string]bool{"latest": found, "users": w.usersTable(), "users_history": w.historyTable(m.StartedAt)} {
		if !maps.Equal(got, users) {
			w.Fatalf("%s has %d users, which are not the %d of the tenant", name, len(got), len(users))
		}
	}
}
