package snapshot_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

const tenantID = "11111111-2222-4333-8444-555555555555"

// lines is NDJSON without compression, so that tests can read what is stored.
type lines struct {
	w    io.Writer
	size int64
}

func (l *lines) User(raw []byte) error {
	n, err := l.w.Write(append(bytes.Clone(raw), '\n'))
	l.size += int64(n)
	return err
}
func (l *lines) Size() int64  { return l.size }
func (l *lines) Close() error { return nil }

// outbox keeps what a bus has acknowledged.
type outbox struct {
	events []bus.Event
	fail   error
}

// mail is the bus of one run. What was not flushed is lost.
type mail struct {
	to      *outbox
	pending []bus.Event
}

func (m *mail) Publish(_ context.Context, e bus.Event) error {
	e.Data = bytes.Clone(e.Data)
	m.pending = append(m.pending, e)
	return m.to.fail
}

func (m *mail) Flush(context.Context) error {
	m.to.events, m.pending = append(m.to.events, m.pending...), nil
	return m.to.fail
}
func (m *mail) Close() {}

// world is a tenant, a bucket, a state store and a bus.
type world struct {
	tenant        *simulator.Tenant
	client        *graph.Client
	bucket, state snapshot.Store
	kept          *storetest.Memory // what bucket is about
	box           *outbox
	request       list.Request
	each          bool
	leavers       tolerance.Tolerance
	log           bytes.Buffer
}

func newWorld(t *testing.T, cfg simulator.Config) *world {
	t.Helper()
	w := &world{
		kept: storetest.NewMemory(), box: &outbox{}, request: listtest.Request(), leavers: tolerance.Tolerance{Share: 0.01},
	}
	w.bucket, w.state = w.kept, storetest.NewMemory()
	w.move(t, cfg)
	return w
}

// move replaces the tenant.
func (w *world) move(t *testing.T, cfg simulator.Config) {
	t.Helper()
	w.tenant = simulator.New(cfg)
	transport := w.tenant.Transport()
	client, err := graph.New(graph.Config{
		BaseURL: "https://graph.microsoft.com", Tokens: w.tenant.TokenSource(transport), Transport: transport,
		Log: slog.New(slog.NewJSONHandler(&w.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.client = client
}

func (w *world) snapshot() *snapshot.Snapshot {
	return snapshot.New(snapshot.Publication{
		Directory: w.client, Request: w.request, Tenant: tenantID, State: w.state, MaxLeavers: w.leavers,
		Destinations: []snapshot.Destination{{
			Store: w.bucket, Format: "ndjson", Compression: "none", Suffix: ".ndjson", PartSize: 64 << 10, Tables: true,
			Encode: func(w io.Writer, _ []string) (snapshot.Encoder, error) { return &lines{w: w}, nil },
		}},
		Announcements: []snapshot.Announcement{{Open: func() snapshot.Bus { return &mail{to: w.box} }, EachUser: w.each}},
		Log:           slog.New(slog.NewJSONHandler(&w.log, nil)),
	})
}

// run goes on until the run is complete, each slice within limit (0: none).
func (w *world) run(ctx context.Context, in snapshot.Input, limit time.Duration) (*snapshot.Result, int, error) {
	for slices := 1; ; slices++ {
		sliced, cancel := ctx, context.CancelFunc(func() {})
		if limit > 0 {
			sliced, cancel = context.WithTimeout(ctx, limit)
		}
		result, err := w.snapshot().Run(sliced, in)
		cancel()
		if err != nil || result.Status != snapshot.Continue {
			return result, slices, err
		}
		if slices > 1000 {
			return nil, slices, errors.New("the run does not end")
		}
		in = snapshot.Input{Resume: result.Resume}
	}
}

func (w *world) object(t *testing.T, url string) []byte {
	t.Helper()
	key, ok := strings.CutPrefix(url, "memory:///")
	if !ok {
		t.Fatalf("%s is not in the bucket", url)
	}
	body, _, err := w.kept.Read(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// latest reads as a consumer does: latest, the manifest, the objects; nil if
// nothing was published yet.
func (w *world) latest(t *testing.T) (*snapshot.Manifest, map[string]bool) {
	t.Helper()
	body, _, err := w.kept.Read(context.Background(), "latest/tenant="+tenantID+".json")
	if err != nil {
		return nil, nil
	}
	var latest snapshot.Latest
	if err := json.Unmarshal(body, &latest); err != nil {
		t.Fatal(err)
	}
	body = w.object(t, latest.Manifest)
	if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != latest.ManifestSHA256 {
		t.Fatalf("the manifest is not the one that latest names:\n%s", body)
	}
	return w.manifest(t, body)
}

func (w *world) manifest(t *testing.T, body []byte) (*snapshot.Manifest, map[string]bool) {
	t.Helper()
	var m snapshot.Manifest
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	var urls []string
	total := 0
	for _, o := range m.Objects {
		urls = append(urls, o.URL)
		total += o.Users
		if sum := sha256.Sum256(w.object(t, o.URL)); hex.EncodeToString(sum[:]) != o.SHA256 {
			t.Fatalf("%s is not what the manifest of run %s says", o.URL, m.Run)
		}
	}
	ids := w.users(t, urls)
	if len(ids) != m.Users || total != m.Users {
		t.Fatalf("the manifest of run %s tells of %d users, its objects of %d, and they hold %d", m.Run, m.Users, total, len(ids))
	}
	return &m, ids
}

// users reads objects and finds nobody in them twice.
func (w *world) users(t *testing.T, urls []string) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for _, url := range urls {
		for line := range bytes.Lines(w.object(t, url)) {
			_, after, _ := bytes.Cut(line, []byte(`"id":"`))
			id, _, ok := bytes.Cut(after, []byte(`"`))
			if !ok || line[len(line)-1] != '\n' {
				t.Fatalf("a line is no user: %s", line)
			}
			if ids[string(id)] {
				t.Fatalf("a user is there twice")
			}
			ids[string(id)] = true
		}
	}
	return ids
}

// table reads a symlink as a SQL engine does.
func (w *world) table(t *testing.T, key string) (map[string]bool, string) {
	t.Helper()
	body, _, err := w.kept.Read(context.Background(), key)
	if err != nil {
		return nil, ""
	}
	return w.users(t, strings.Fields(string(body))), string(body)
}

// mustHold checks that all ways to the list lead to exactly the tenant's users.
func (w *world) mustHold(t *testing.T, run string) *snapshot.Manifest {
	t.Helper()
	m, ids := w.latest(t)
	if m == nil || m.Run != run || m.Status != snapshot.Complete {
		t.Fatalf("latest is not run %s: %+v", run, m)
	}
	w.mustBeTheTenant(t, ids)
	table, _ := w.table(t, "users/tenant="+tenantID+"/symlink.txt")
	w.mustBeTheTenant(t, table)
	day, _ := w.table(t, "history/tenant="+tenantID+"/date="+m.StartedAt.Format(time.DateOnly)+"/symlink.txt")
	w.mustBeTheTenant(t, day)
	return m
}

func (w *world) mustBeTheTenant(t *testing.T, ids map[string]bool) {
	t.Helper()
	users := w.tenant.Users()
	if len(ids) != users {
		t.Errorf("%d users, the tenant has %d", len(ids), users)
	}
	for id := range ids {
		if _, there := w.tenant.Index(id); !there {
			t.Fatal("somebody is listed who is not in the tenant")
		}
	}
}

func mustBeCalled(t *testing.T, err error, name string) {
	t.Helper()
	if err == nil || failure.Of(err).Name != name {
		t.Fatalf("the error is %v, want a %s", err, name)
	}
}
