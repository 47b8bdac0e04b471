package published_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/published"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// compare returns what has changed between two snapshots, a line each, sorted.
func compare(t testing.TB, before, after *published.Snapshot) (d *published.Difference, n published.Counts, lines []string) {
	t.Helper()
	d, err := published.Compare(t.Context(), before, after, published.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for c, err := range d.Changes(&n) {
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%s %s", c.Kind, c.ID)
		for _, column := range c.Columns {
			line += fmt.Sprintf(" %s: %s -> %s", column.Name, column.Before, column.After)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return d, n, lines
}

func find(t testing.TB, f *fixture, key string) *published.Snapshot {
	t.Helper()
	s, err := published.Find(t.Context(), f, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func everything() []string {
	return append(property.Listed(), "extension_0123456789abcdef0123456789abcdef_costCentre", property.Manager)
}

// TestTheSameUsersAreTheSameInEveryFormat publishes a nasty tenant with every column in each
// format and compares each with each.
func TestTheSameUsersAreTheSameInEveryFormat(t *testing.T) {
	tenant := simulator.New(simulator.Config{Users: 200, Hostile: true, Agents: true, Roles: []string{
		"User.Read.All", "AuditLog.Read.All", "CustomSecAttributeAssignment.Read.All", "User-LifeCycleInfo.Read.All",
	}})
	var all []*published.Snapshot
	for _, l := range []layout{{"ndjson", format.Gzip}, {"csv", format.Zstd}, {"parquet", format.Zstd}} {
		f := newFixture(t, l, 0)
		f.tenant, f.columns = tenant, everything()
		key := f.publish(t, "r")
		if wrong := f.verify(t, key); wrong != "" {
			t.Fatalf("%v: %s", l, wrong)
		}
		all = append(all, find(t, f, key))
	}
	for _, before := range all {
		for _, after := range all {
			if _, n, lines := compare(t, before, after); n.Unchanged != tenant.Users() || len(lines) > 0 {
				t.Errorf("%s and %s: %+v\n%.2000s", before.Manifest.Format, after.Manifest.Format, n, strings.Join(lines, "\n"))
			}
		}
	}
}

// TestWhoJoinedLeftAndChangedIsFound in every format, and whatever the order of the users.
func TestWhoJoinedLeftAndChangedIsFound(t *testing.T) {
	for _, from := range []layout{{"ndjson", format.None}, {"csv", format.Gzip}, {"parquet", format.Zstd}} {
		for _, to := range []layout{{"ndjson", format.Gzip}, {"csv", format.Gzip}, {"parquet", format.Zstd}} {
			old, now := newFixture(t, from, 100), newFixture(t, to, 100)
			before, after := old.publish(t, "before"), now.publish(t, "after")
			id := func(i int) string { return published.Member(old.users(t, old.parts(t, before)[0])[i], "id") }
			left, changed, gained := id(0), id(1), id(2)
			now.rewriteAll(t, after, func(u [][]byte) [][]byte {
				slices.Reverse(u)
				for i, raw := range u {
					switch published.Member(raw, "id") {
					case left:
						u[i] = []byte(`{"id":"11111111-2222-4333-8444-000000000001"}`)
					case changed:
						u[i] = []byte(`{"id":"` + changed + `","department":"Moon"}`)
					case gained:
						u[i] = set(raw, "businessPhones", `["2","1"]`)
					}
				}
				return u
			})
			old.rewriteAll(t, before, func(u [][]byte) [][]byte {
				for i, raw := range u {
					switch published.Member(raw, "id") {
					case changed:
						u[i] = []byte(`{"id":"` + changed + `","department":"Sun","accountEnabled":true,"businessPhones":["1","2"]}`)
					case gained:
						u[i] = set(raw, "businessPhones", `["1","2"]`)
					}
				}
				return u
			})
			_, n, lines := compare(t, find(t, old, before), find(t, now, after))
			want := []string{
				"changed " + changed + ` department: "Sun" -> "Moon" accountEnabled: true ->  businessPhones: ["1","2"] -> `,
				"joined 11111111-2222-4333-8444-000000000001",
				"left " + left,
			}
			if diff := cmp.Diff(want, lines); diff != "" || n != (published.Counts{Joined: 1, Left: 1, Changed: 1, Unchanged: 98}) {
				t.Errorf("%v to %v: %+v\n%s", from, to, n, diff)
			}
		}
	}
}

func TestColumnsOfOneAloneAreNamedAndNotCompared(t *testing.T) {
	old, now := newFixture(t, layout{"csv", format.Gzip}, 50), newFixture(t, layout{"parquet", format.Zstd}, 50)
	old.columns, now.columns = []string{"id", "department", "displayName"}, []string{"mail", "id", "displayName"}
	d, n, _ := compare(t, find(t, old, old.publish(t, "a")), find(t, now, now.publish(t, "b")))
	if !slices.Equal(d.Columns, []string{"id", "displayName"}) || !slices.Equal(d.OnlyBefore, []string{"department"}) || !slices.Equal(d.OnlyAfter, []string{"mail"}) || n.Unchanged != 50 {
		t.Errorf("%+v %+v", d, n)
	}
}

func TestASnapshotThatIsNotWholeIsNotCompared(t *testing.T) {
	f := newFixture(t, layout{"ndjson", format.Gzip}, 100)
	good := find(t, f, f.publish(t, "good"))
	key := f.publish(t, "bad")
	part := f.parts(t, key)[1]
	body := f.get(t, part)
	body[len(body)/2] ^= 1
	f.put(t, part, body)
	for _, pair := range [][2]*published.Snapshot{{good, find(t, f, key)}, {find(t, f, key), good}} {
		_, err := published.Compare(t.Context(), pair[0], pair[1], published.Options{TempDir: t.TempDir()})
		var broken *published.BrokenError
		if !errors.As(err, &broken) || !strings.Contains(err.Error(), "run=bad/manifest.json is not whole: objects: part-1-2-") {
			t.Error(err)
		}
	}
	f.change(t, key, func(m map[string]any) { m["status"], m["suspicions"] = "suspect", []string{"many"} })
	f.put(t, part, func() []byte { body[len(body)/2] ^= 1; return body }())
	if _, n, _ := compare(t, good, find(t, f, key)); n.Unchanged != 100 {
		t.Errorf("a suspect one: %+v", n)
	}
}
