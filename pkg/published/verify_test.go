package published_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/published"
)

func TestASnapshotOfEveryFormatIsWhole(t *testing.T) {
	for _, l := range layouts() {
		f := newFixture(t, l, 300)
		manifest := f.publish(t, "r")
		for _, key := range []string{manifest, f.latest()} {
			if wrong := f.verify(t, key); wrong != "" {
				t.Errorf("%v, %s: %s", l, key, wrong)
			}
		}
		s, err := published.Find(t.Context(), f, manifest)
		if err != nil || len(s.Manifest.Objects) < 3 || len(s.Manifest.EmptyColumns) != 1 {
			t.Fatalf("%v: %+v, %v", l, s, err)
		}
	}
}

// TestEveryDamageOfAnObjectIsNamed damages one object of a snapshot in one way.
func TestEveryDamageOfAnObjectIsNamed(t *testing.T) {
	for _, l := range layouts() {
		for name, c := range map[string]struct {
			damage func(body []byte) []byte // nil deletes it
			want   string
		}{
			"a byte":    {func(b []byte) []byte { b[len(b)/2] ^= 1; return b }, "is not what was published: its SHA-256 is "},
			"the end":   {func(b []byte) []byte { return b[:len(b)-1] }, "bytes, and the manifest says"},
			"all of it": {func([]byte) []byte { return nil }, "has 0 bytes, and the manifest says"},
			"more":      {func(b []byte) []byte { return append(b, 'x') }, "is larger than the"},
			"missing":   {nil, "does not exist"},
		} {
			f := newFixture(t, l, 150)
			manifest := f.publish(t, "r")
			var m map[string]any
			if err := json.Unmarshal(f.get(t, manifest), &m); err != nil {
				t.Fatal(err)
			}
			key := part(manifest, m, 1)
			if c.damage == nil {
				if err := f.Delete(t.Context(), key); err != nil {
					t.Fatal(err)
				}
			} else {
				f.put(t, key, c.damage(bytes.Clone(f.get(t, key))))
			}
			if wrong := f.verify(t, f.latest()); !strings.HasPrefix(wrong, "objects: "+path.Base(key)+" ") || !strings.Contains(wrong, c.want) || strings.Count(wrong, "\n") > 0 {
				t.Errorf("%v, %s: %s", l, name, wrong)
			}
		}
	}
}

// TestEveryWrongUserIsNamed changes who is in an object, and makes its size and digest those
// of the change.
func TestEveryWrongUserIsNamed(t *testing.T) {
	for _, l := range layouts() {
		f := newFixture(t, l, 150)
		manifest := f.publish(t, "r")
		good := map[string][]byte{}
		for _, key := range f.Keys() {
			good[key] = f.get(t, key)
		}
		var m map[string]any
		if err := json.Unmarshal(good[manifest], &m); err != nil {
			t.Fatal(err)
		}
		first, second := path.Base(part(manifest, m, 0)), path.Base(part(manifest, m, 1))
		other := f.users(t, part(manifest, m, 0))[0]
		for name, c := range map[string]struct {
			change func(users [][]byte) [][]byte
			want   string
		}{
			"one is lost":        {func(u [][]byte) [][]byte { return u[1:] }, "users: " + second + " has "},
			"one is added":       {func(u [][]byte) [][]byte { return append(u, []byte(`{"id":"new"}`)) }, "users: " + second + ": it has more than the "},
			"one is there twice": {func(u [][]byte) [][]byte { u[1] = u[0]; return u }, "ids: " + second + " has a user who is in it twice"},
			"one of another":     {func(u [][]byte) [][]byte { u[1] = other; return u }, "ids: " + second + " has a user who is in " + first + " as well"},
			"one has no id":      {func(u [][]byte) [][]byte { u[1] = []byte(`{"id":""}`); return u }, "users: " + second + ": user 2 has no id"},
			"a column that filled": {func(u [][]byte) [][]byte {
				u[0] = []byte(`{"id":"new","onPremisesProvisioningErrors":[{"category":"x"}]}`)
				return u
			}, "columns: " + second + " has values of onPremisesProvisioningErrors, which is empty according to the manifest"},
		} {
			for key, body := range good {
				f.put(t, key, body)
			}
			f.rewrite(t, manifest, 1, c.change)
			if wrong := f.verify(t, f.latest()); !strings.HasPrefix(wrong, c.want) || strings.Count(wrong, "\n") > 0 {
				t.Errorf("%v, %s: %s", l, name, wrong)
			}
		}
	}
}

func TestOfManyProblemsTheNumberOfTheRestIsTold(t *testing.T) {
	f := newFixture(t, layouts()[0], 150)
	manifest := f.publish(t, "r")
	var twice int
	f.rewrite(t, manifest, 1, func(users [][]byte) [][]byte {
		for i := range users {
			users[i] = users[0]
		}
		twice = len(users) - 1
		return users
	})
	all := strings.Split(f.verify(t, f.latest()), "\n")
	if last := fmt.Sprintf("ids: and %d more", twice-20); twice < 22 || len(all) != 21 || all[20] != last {
		t.Errorf("%d are there twice, and the last of %d lines is %q, not %q", twice, len(all), all[len(all)-1], last)
	}
}

func TestColumnsThatTheManifestGetsWrongAreNamed(t *testing.T) {
	for _, l := range layouts() {
		f := newFixture(t, l, 60)
		manifest := f.publish(t, "r")
		good := f.get(t, manifest)
		for want, change := range map[string]func(m map[string]any){
			"columns: nobody has a value of onPremisesProvisioningErrors, and the manifest does not say so":               func(m map[string]any) { m["emptyColumns"] = []string{} },
			"has values of department, which Graph refused according to the manifest":                                     func(m map[string]any) { m["missingColumns"] = []string{"department"} },
			"has values of manager, which is empty according to the manifest":                                             func(m map[string]any) { m["emptyColumns"] = []string{"onPremisesProvisioningErrors", "manager"} },
			map[bool]string{true: "columns: nobody has a value of surname", false: "other columns"}[l.format == "ndjson"]: func(m map[string]any) { m["select"] = append(m["select"].([]any), "surname") },
		} {
			f.put(t, manifest, good)
			f.change(t, manifest, change)
			if wrong := f.verify(t, f.latest()); !strings.Contains(wrong, want) {
				t.Errorf("%v: %s; want %s", l, wrong, want)
			}
		}
	}
}

// TestAMemberThatNobodyAskedForIsNoted is about NDJSON, which has what Graph sent.
func TestAMemberThatNobodyAskedForIsNoted(t *testing.T) {
	f := newFixture(t, layout{"ndjson", format.None}, 30)
	manifest := f.publish(t, "r")
	f.rewrite(t, manifest, 0, func(u [][]byte) [][]byte {
		u[0] = append(bytes.TrimSuffix(u[0], []byte("}")), `,"secret":1,"note@odata.type":"x"}`...)
		return u
	})
	s, err := published.Find(t.Context(), f, manifest)
	if err != nil {
		t.Fatal(err)
	}
	checks, err := s.Verify(t.Context(), f.options)
	if err != nil {
		t.Fatal(err)
	}
	if notes := fmt.Sprint(checks[len(checks)-1].Notes); !strings.Contains(notes, "has secret, which was not asked for") || strings.Contains(notes, "note") {
		t.Error(notes)
	}
}

// TestObjectsThatAreLargeOnlyOnceReadTakeLittleMemory has gzip bombs that are what was
// published.
func TestObjectsThatAreLargeOnlyOnceReadTakeLittleMemory(t *testing.T) {
	for name, text := range map[string]string{"a line without end": `{"id":"`, "many users": "{\"id\":\"x\"}\n", "many empty lines": "\n"} {
		f := newFixture(t, layout{"ndjson", format.Gzip}, 30)
		manifest := f.publish(t, "r")
		f.change(t, manifest, func(m map[string]any) {
			var bomb bytes.Buffer
			z := gzip.NewWriter(&bomb)
			_, _ = z.Write([]byte(text))
			filler := bytes.Repeat([]byte(strings.Repeat(text, 1)), (1<<20)/len(text))
			if name == "a line without end" {
				filler = bytes.Repeat([]byte{'0'}, 1<<20)
			}
			for range 300 {
				_, _ = z.Write(filler)
			}
			_ = z.Close()
			f.store(t, m, part(manifest, m, 0), 0, bomb.Bytes())
		})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		wrong := f.verify(t, manifest)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; !strings.HasPrefix(wrong, "users: part-1-1-") || grown > 64<<20 {
			t.Errorf("%s: %s, with %d MiB", name, wrong, grown>>20)
		}
	}
}

func TestASuspectListIsNotTakenForAWholeOne(t *testing.T) {
	f := newFixture(t, layout{"ndjson", format.Gzip}, 30)
	manifest := f.publish(t, "r")
	f.change(t, manifest, func(m map[string]any) { m["status"], m["suspicions"] = "suspect", []string{"many are missing"} })
	if wrong := f.verify(t, manifest); wrong != "status: it is suspect and was not published\nstatus: many are missing" {
		t.Error(wrong)
	}
	if wrong := f.verify(t, f.latest()); wrong != "manifest: it is suspect, and latest names it all the same" {
		t.Error(wrong)
	}
}

func TestTheStoresErrorIsNoVerdict(t *testing.T) {
	f := newFixture(t, layout{"ndjson", format.Gzip}, 30)
	s, err := published.Find(t.Context(), f, f.publish(t, "r"))
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Errorf("the visitor has no room")
	f.options.Visit = func([]byte, []byte) error { return want }
	if _, err := s.Verify(t.Context(), f.options); err == nil || err.Error() != want.Error() {
		t.Error(err)
	}
}
