package published_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"path"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/format/parquet"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/published"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// layout is how a list is stored.
type layout struct{ format, compression string }

func layouts() []layout {
	var all []layout
	for _, f := range []string{"ndjson", "csv", "parquet"} {
		for _, c := range []string{format.Gzip, format.Zstd, format.None} {
			all = append(all, layout{f, c})
		}
	}
	return all
}

func (l layout) suffix() string {
	if l.format == "parquet" {
		return ".parquet"
	}
	suffix, _ := format.Suffix(l.compression)
	return "." + l.format + suffix
}

func (l layout) encode(w io.Writer, columns []string) (snapshot.Encoder, error) {
	if l.format == "parquet" {
		return parquet.New(w, columns, parquet.Options{Compression: parquet.Compression(l.compression), RowGroup: 8 << 10})
	}
	return format.NewObject(w, l.format, l.compression, columns)
}

// counted begins an object for every so many users: encoders keep the first kilobytes.
type counted struct {
	snapshot.Encoder
	users int64
}

func (c *counted) User(raw []byte) error {
	c.users++
	return c.Encoder.User(raw)
}

// Size is the number of users.
func (c *counted) Size() int64 { return c.users }

// fixture is a bucket to which lists were published.
type fixture struct {
	*storetest.Memory
	layout

	tenant  *simulator.Tenant
	columns []string
	options published.Options
}

func newFixture(t testing.TB, l layout, users int) *fixture {
	t.Helper()
	return &fixture{
		Memory: storetest.NewMemory(), layout: l, tenant: simulator.New(simulator.Config{Users: users, Hostile: true}), options: published.Options{TempDir: t.TempDir()},
		columns: []string{"id", "userPrincipalName", "displayName", "department", "accountEnabled", "createdDateTime", "businessPhones", "assignedLicenses", "manager", "onPremisesProvisioningErrors"},
	}
}

// publish publishes the tenant's list in several objects and returns the key of the manifest.
func (f *fixture) publish(t testing.TB, run string) string {
	t.Helper()
	request := listtest.Request()
	request.Columns, request.PageSize = listtest.Columns(f.columns...), 50
	result, err := snapshot.New(snapshot.Publication{
		Directory: listtest.Client(t, f.tenant, graph.Config{Transport: f.tenant.Transport()}), Request: request, Tenant: f.tenant.Config().Tenant,
		Destinations: []snapshot.Destination{{
			Store: f, Format: f.format, Compression: f.compression, Suffix: f.suffix(), PartSize: 40,
			Encode: func(w io.Writer, columns []string) (snapshot.Encoder, error) {
				e, err := f.encode(w, columns)
				return &counted{Encoder: e}, err
			},
		}},
		State: storetest.NewMemory(), MaxLeavers: tolerance.Tolerance{Share: 1}, MaxColumnLoss: tolerance.Tolerance{Share: 1},
	}).Run(t.Context(), snapshot.Input{Run: run})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(result.Manifest, "memory:///")
}

func (f *fixture) latest() string { return snapshot.LatestKey(f.tenant.Config().Tenant) }

// verify returns what is wrong with the snapshot of a key, one problem a line.
func (f *fixture) verify(t testing.TB, key string) string {
	t.Helper()
	s, err := published.Find(t.Context(), f, key)
	if err != nil {
		return err.Error()
	}
	checks, err := s.Verify(t.Context(), f.options)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, c := range checks {
		for _, p := range c.Problems {
			all = append(all, c.Name+": "+p)
		}
	}
	return strings.Join(all, "\n")
}

// put replaces an object.
func (f *fixture) put(t testing.TB, key string, body []byte) {
	t.Helper()
	if err := f.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Swap(t.Context(), key, body, ""); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) get(t testing.TB, key string) []byte {
	t.Helper()
	body, _, err := f.Read(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// change changes a manifest as somebody does who also makes latest name it.
func (f *fixture) change(t testing.TB, key string, change func(m map[string]any)) {
	t.Helper()
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(f.get(t, key)))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		t.Fatal(err)
	}
	change(m)
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	f.put(t, key, body)
	var latest map[string]any
	if err := json.Unmarshal(f.get(t, f.latest()), &latest); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(body)
	latest["manifestSha256"] = hex.EncodeToString(sum[:])
	if body, err = json.Marshal(latest); err != nil {
		t.Fatal(err)
	}
	f.put(t, f.latest(), body)
}

// part returns the key of an object of a manifest.
func part(manifest string, m map[string]any, i int) string {
	return path.Dir(manifest) + "/" + path.Base(object(m, i)["url"].(string))
}

func object(m map[string]any, i int) map[string]any {
	return m["objects"].([]any)[i].(map[string]any)
}

// rewrite replaces the users of object i of a manifest, and what is said of it: all but its
// contents is right.
func (f *fixture) rewrite(t testing.TB, manifest string, i int, change func(users [][]byte) [][]byte) {
	t.Helper()
	f.change(t, manifest, func(m map[string]any) {
		key := part(manifest, m, i)
		users := change(f.users(t, key))
		var out bytes.Buffer
		e, err := f.encode(&out, f.columns)
		if err != nil {
			t.Fatal(err)
		}
		for _, raw := range users {
			if err := e.User(raw); err != nil {
				t.Fatal(err)
			}
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		f.store(t, m, key, i, out.Bytes())
	})
}

// store replaces an object, and says of it what is true.
func (f *fixture) store(t testing.TB, m map[string]any, key string, i int, body []byte) {
	t.Helper()
	f.put(t, key, body)
	sum := sha256.Sum256(body)
	object(m, i)["bytes"], object(m, i)["sha256"] = len(body), hex.EncodeToString(sum[:])
}

// users reads an object.
func (f *fixture) users(t testing.TB, key string) (users [][]byte) {
	t.Helper()
	var from interface{ User() ([]byte, error) }
	var err error
	body := f.get(t, key)
	if f.format == "parquet" {
		from, err = parquet.NewReader(bytes.NewReader(body), int64(len(body)), f.columns)
	} else {
		from, err = format.NewReader(bytes.NewReader(body), f.format, f.compression, f.columns)
	}
	if err != nil {
		t.Fatal(err)
	}
	for {
		raw, err := from.User()
		if errors.Is(err, io.EOF) {
			return users
		}
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, bytes.Clone(raw))
	}
}

// parts are the keys of a manifest's objects.
func (f *fixture) parts(t testing.TB, manifest string) (keys []string) {
	t.Helper()
	var m snapshot.Manifest
	if err := json.Unmarshal(f.get(t, manifest), &m); err != nil {
		t.Fatal(err)
	}
	for _, o := range m.Objects {
		keys = append(keys, path.Dir(manifest)+"/"+path.Base(o.URL))
	}
	return keys
}

// rewriteAll rewrites every object of a manifest.
func (f *fixture) rewriteAll(t testing.TB, manifest string, change func(users [][]byte) [][]byte) {
	t.Helper()
	for i := range f.parts(t, manifest) {
		f.rewrite(t, manifest, i, change)
	}
}

// set sets a property of a user.
func set(raw []byte, name, value string) []byte {
	var user map[string]json.RawMessage
	_ = json.Unmarshal(raw, &user) // it is one
	user[name] = json.RawMessage(value)
	raw, _ = json.Marshal(user)
	return raw
}
