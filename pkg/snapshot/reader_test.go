package snapshot_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

// This file reads what was published as consumers do.

const (
	latestKey = "latest/tenant=" + tenantID + ".json"
	usersKey  = "users/tenant=" + tenantID + "/symlink.txt"
)

func historyKey(day time.Time) string {
	return "history/tenant=" + tenantID + "/date=" + day.UTC().Format(time.DateOnly) + "/symlink.txt"
}

// idSet are the ids of users.
type idSet map[string]bool

// latest reads latest, the manifest that it names and the objects that this one names; nil
// if nothing was published yet.
func (f *fixture) latest(t *testing.T) (*snapshot.Manifest, idSet) {
	t.Helper()
	body, _, err := f.memory.Read(context.Background(), latestKey)
	if err != nil {
		return nil, nil
	}
	var latest snapshot.Latest
	if err := json.Unmarshal(body, &latest); err != nil {
		t.Fatal(err)
	}
	var m snapshot.Manifest
	if err := json.Unmarshal(f.object(t, latest.Manifest, latest.ManifestSHA256), &m); err != nil {
		t.Fatal(err)
	}
	var urls []string
	total := 0
	for _, o := range m.Objects {
		if size := len(f.object(t, o.URL, o.SHA256)); int64(size) != o.Bytes {
			t.Fatalf("%s has %d bytes, and the manifest says %d", o.URL, size, o.Bytes)
		}
		urls = append(urls, o.URL)
		total += o.Users
	}
	ids := f.users(t, urls)
	if len(ids) != m.Users || total != m.Users {
		t.Fatalf("the manifest of run %s names %d users, its objects %d, and they hold %d", m.Run, m.Users, total, len(ids))
	}
	return &m, ids
}

// object reads an object of the bucket, which must have that digest.
func (f *fixture) object(t *testing.T, url, digest string) []byte {
	t.Helper()
	body, _, err := f.memory.Read(context.Background(), objectKey(t, url))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != digest {
		t.Fatalf("%s does not have the digest that is published:\n%s", url, body)
	}
	return body
}

func objectKey(t *testing.T, url string) string {
	t.Helper()
	key, ok := strings.CutPrefix(url, "memory:///")
	if !ok {
		t.Fatalf("%s is not in the bucket", url)
	}
	return key
}

// users reads the users in objects, who must all be different.
func (f *fixture) users(t *testing.T, urls []string) idSet {
	t.Helper()
	ids := idSet{}
	for _, url := range urls {
		body, _, err := f.memory.Read(context.Background(), objectKey(t, url))
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(body) {
			_, after, _ := bytes.Cut(line, []byte(`"id":"`))
			id, _, ok := bytes.Cut(after, []byte(`"`))
			if !ok || line[len(line)-1] != '\n' {
				t.Fatalf("a line is not a user: %s", line)
			}
			if ids[string(id)] {
				t.Fatal("a user is listed twice")
			}
			ids[string(id)] = true
		}
	}
	return ids
}

// table reads a symlink as a SQL engine does, and returns its text, too; nil if there is
// none.
func (f *fixture) table(t *testing.T, key string) (idSet, string) {
	t.Helper()
	body, _, err := f.memory.Read(context.Background(), key)
	if err != nil {
		return nil, ""
	}
	return f.users(t, strings.Fields(string(body))), string(body)
}

// wantTableOf checks that a symlink names parts of that run and of no other.
func (f *fixture) wantTableOf(t *testing.T, key, run string) {
	t.Helper()
	_, text := f.table(t, key)
	if lines := strings.Count(text, "\n"); lines == 0 || strings.Count(text, "/run="+run+"/") != lines {
		t.Errorf("%s does not name run %s:\n%s", key, run, text)
	}
}

// wantPublished checks that run is the latest one, and that latest and both tables lead to
// exactly the tenant's users.
func (f *fixture) wantPublished(t *testing.T, run string) *snapshot.Manifest {
	t.Helper()
	m, ids := f.latest(t)
	if m == nil || m.Run != run || m.Status != snapshot.Complete {
		t.Fatalf("latest is not run %s: %+v", run, m)
	}
	f.wantTenant(t, ids)
	for _, key := range []string{usersKey, historyKey(m.StartedAt)} {
		table, _ := f.table(t, key)
		f.wantTenant(t, table)
	}
	return m
}

// wantLatest checks that run is the latest one and has so many users.
func (f *fixture) wantLatest(t *testing.T, run string, users int) *snapshot.Manifest {
	t.Helper()
	m, ids := f.latest(t)
	if m == nil || m.Run != run || len(ids) != users {
		t.Fatalf("latest is not run %s with %d users, but %+v", run, users, m)
	}
	return m
}

// wantPublishedOneOf checks what a reader finds who knows only latest, and one who knows
// only the tables: one of the given lists each, whole.
func (f *fixture) wantPublishedOneOf(t *testing.T, lists map[string]idSet) {
	t.Helper()
	m, ids := f.latest(t)
	if m == nil || m.Status != snapshot.Complete || !maps.Equal(ids, lists[m.Run]) {
		t.Fatalf("latest leads to no published list: %+v", m)
	}
	tables := containing(f.memory.Keys(), "symlink.txt")
	if len(tables) == 0 {
		t.Fatal("there is no table")
	}
	for _, key := range tables {
		found, text := f.table(t, key)
		if !slices.ContainsFunc(slices.Collect(maps.Values(lists)), func(list idSet) bool { return maps.Equal(found, list) }) {
			t.Fatalf("%s is not a published list, but %d users:\n%s", key, len(found), text)
		}
	}
}

// wantTenant checks that ids are exactly the tenant's users.
func (f *fixture) wantTenant(t *testing.T, ids idSet) {
	t.Helper()
	if users := f.tenant.Users(); len(ids) != users {
		t.Errorf("%d users, the tenant has %d", len(ids), users)
	}
	for id := range ids {
		if _, exists := f.tenant.Index(id); !exists {
			t.Fatal("somebody is listed who is not in the tenant")
		}
	}
}

// tenantIDs are the tenant's users among the first n that it ever had.
func (f *fixture) tenantIDs(n int) idSet {
	ids := idSet{}
	for i := range n {
		id := f.tenant.ID(i)
		if _, exists := f.tenant.Index(id); exists {
			ids[id] = true
		}
	}
	return ids
}

// wantOnlyNamedParts checks that a run has left the parts that its manifest names, and no
// others.
func (f *fixture) wantOnlyNamedParts(t *testing.T, m *snapshot.Manifest) {
	t.Helper()
	var named []string
	for _, o := range m.Objects {
		named = append(named, objectKey(t, o.URL))
	}
	slices.Sort(named)
	if diff := cmp.Diff(named, containing(f.memory.Keys(), "run="+m.Run+"/part-")); diff != "" {
		t.Errorf("the parts of run %s that are named and stored differ:\n%s", m.Run, diff)
	}
}

// announced reports whether the bus got the event that the run is complete.
func (f *fixture) announced(run string) bool {
	for _, e := range f.bus.events {
		if e.Type == snapshot.EventCompleted && e.Subject == run {
			return true
		}
	}
	return false
}

// listed are the users about whom the bus got an event.
func (f *fixture) listed() idSet {
	ids := idSet{}
	for _, e := range f.bus.events {
		if e.Type == snapshot.EventListed {
			ids[e.Subject] = true
		}
	}
	return ids
}

// stateKeys are the keys in the state store that contain part.
func (f *fixture) stateKeys(t *testing.T, part string) []string {
	t.Helper()
	memory, ok := f.state.(*storetest.Memory)
	if !ok {
		t.Fatal("the state store is not in memory")
	}
	return containing(memory.Keys(), part)
}

func containing(keys []string, part string) []string {
	return slices.DeleteFunc(keys, func(key string) bool { return !strings.Contains(key, part) })
}
