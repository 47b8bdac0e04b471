package snapshot_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

func checkpointKey(run string) string {
	return "tenant=" + tenantID + "/run=" + run + "/checkpoint.json"
}

// movedStore is a store at another address.
type movedStore struct{ snapshot.Store }

func (movedStore) URL(key string) string { return "moved:///" + key }

func TestARunIsNotResumedWithAnotherConfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *snapshot.Snapshot)
		allows bool
	}{
		"other columns":        {change: func(s *snapshot.Snapshot) { s.Request.Columns = listtest.Columns("id", "mail") }},
		"an optional column":   {change: func(s *snapshot.Snapshot) { s.Request.Columns[3].Optional = true }},
		"another filter":       {change: func(s *snapshot.Snapshot) { s.Request.Filter = "accountEnabled eq true" }},
		"another page size":    {change: func(s *snapshot.Snapshot) { s.Request.PageSize = 99 }},
		"another format":       {change: func(s *snapshot.Snapshot) { s.Destinations[0].Format = "csv" }},
		"another compression":  {change: func(s *snapshot.Snapshot) { s.Destinations[0].Compression = "gzip" }},
		"another destination":  {change: func(s *snapshot.Snapshot) { s.Destinations[0].Store = movedStore{s.Destinations[0].Store} }},
		"one destination more": {change: func(s *snapshot.Snapshot) { s.Destinations = append(s.Destinations, s.Destinations[0]) }},
		"no destination":       {change: func(s *snapshot.Snapshot) { s.Destinations = nil }},
		"more partitions":      {change: func(s *snapshot.Snapshot) { s.Request.Parallel = 4 }, allows: true},
		"more slack":           {change: func(s *snapshot.Snapshot) { s.Request.Slack = tolerance.Tolerance{Users: 3} }, allows: true},
		"the same":             {change: func(*snapshot.Snapshot) {}, allows: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newPublishedFixture(t)
				parked := f.park(t, f.buffered(), "r", sliceLimit(1))
				f.suspect(t, "s")
				changed := f.buffered()
				c.change(changed)
				for _, in := range []snapshot.Input{{Resume: parked.Resume}, {Accept: "s"}, {Run: "s"}} {
					_, err := changed.Run(t.Context(), in)
					switch {
					case !c.allows:
						wantError(t, err, "State.Invalid")
						if !strings.Contains(err.Error(), "memory:///tenant=") || !strings.Contains(err.Error(), "another name") {
							t.Errorf("%v names no object, or no remedy", err)
						}
					case in.Resume == "" && err != nil:
						t.Errorf("%+v: %v", in, err)
					}
				}
				if _, err := changed.Run(t.Context(), snapshot.Input{Run: "old"}); err != nil {
					t.Errorf("a run that is done does not answer: %v", err)
				}
			})
		})
	}
}

func TestUnreadableStateIsAnErrorThatNamesIt(t *testing.T) {
	checkpoint := func(*testing.T, *fixture) string { return checkpointKey("new") }
	baseline := func(t *testing.T, f *fixture) string { return f.stateKeys(t, "/known/")[0] }
	latest := func(*testing.T, *fixture) string { return latestKey }
	for name, c := range map[string]struct {
		key  func(t *testing.T, f *fixture) string
		edit func(old []byte) []byte
	}{
		"a checkpoint that is not JSON":         {checkpoint, replaceBy("{")},
		"an empty checkpoint":                   {checkpoint, replaceBy("{}")},
		"a checkpoint in an unknown phase":      {checkpoint, setMember("phase", "unknown")},
		"a checkpoint without answers":          {checkpoint, setMember("phase", "done")},
		"a checkpoint of another run":           {checkpoint, setMember("run", "old")},
		"a checkpoint of another version":       {checkpoint, setMember("version", 2)},
		"a checkpoint of null":                  {checkpoint, replaceBy("null")},
		"a checkpoint with a part of another":   {checkpoint, setMember("objects", [][]any{{map[string]any{"key": "latest/tenant=" + tenantID + ".json"}}})},
		"a checkpoint with a null for a part":   {checkpoint, setMember("objects", [][]any{{nil}})},
		"a checkpoint with another one's ids":   {checkpoint, setMember("ids", []any{map[string]any{"key": checkpointKey("old"), "users": 1}})},
		"a checkpoint with no columns":          {checkpoint, setMember("columns", []any{})},
		"a checkpoint with null for columns":    {checkpoint, setMember("columns", nil)},
		"a checkpoint with a forged answer":     {checkpoint, setMember("results", []any{map[string]any{"status": "complete", "run": "new", "users": 240, "manifest": "memory:///x"}})},
		"a checkpoint with a null for answers":  {checkpoint, setMember("results", []any{nil})},
		"a checkpoint with figures below zero":  {checkpoint, setMember("report", map[string]any{"users": -1})},
		"a checkpoint with a huge figure":       {checkpoint, setMember("slice", 1e30)},
		"a checkpoint that is proven by itself": {checkpoint, setMember("phase", "publishing")},
		"a checkpoint with half of a partition": {checkpoint, setMember("reading", map[string]any{"spans": []any{map[string]any{"lower": "m", "done": true}}})},
		"a checkpoint with a hole":              {checkpoint, setMember("reading", map[string]any{"spans": []any{map[string]any{"upper": "a"}, map[string]any{"lower": "b"}}})},
		"a checkpoint with a filter":            {checkpoint, setMember("reading", map[string]any{"spans": []any{map[string]any{"upper": "a' or 'a"}, map[string]any{"lower": "a' or 'a"}}})},
		"a baseline that is not a record":       {baseline, replaceBy("[]")},
		"a baseline of another version":         {baseline, setMember("version", 2)},
		"ids of its own that were changed":      {func(t *testing.T, f *fixture) string { return f.stateKeys(t, "/run=new/ids-")[0] }, flipByte},
		"a latest that is not JSON":             {latest, replaceBy("latest")},
		"a latest of another version":           {latest, setMember("version", 2)},
		"a latest of another tenant":            {latest, setMember("tenant", "9"+tenantID[1:])},
		"a latest of no run":                    {latest, setMember("run", "../old")},
		"a latest of null":                      {latest, replaceBy("null")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newPublishedFixture(t)
				parked := snapshot.Input{Resume: f.park(t, f.buffered(), "new", sliceLimit(1)).Resume}
				at, key := f.state, c.key(t, f)
				if key == latestKey {
					at = f.bucket
				}
				old, _, err := at.Read(t.Context(), key)
				if err != nil {
					t.Fatal(err)
				}
				if err := edit(t, at, key, c.edit); err != nil {
					t.Fatal(err)
				}
				f.fail(t, f.buffered(), parked, noLimit, "State.Invalid", at.URL(key))
				if err := edit(t, at, key, replaceBy(string(old))); err != nil {
					t.Fatal(err)
				}
				f.wantLatest(t, "old", smallTenant)
				f.complete(t, f.buffered(), parked, noLimit)
				f.wantPublished(t, "new")
			})
		})
	}
}

// edit changes a stored object.
func edit(t *testing.T, at snapshot.Store, key string, change func(old []byte) []byte) error {
	t.Helper()
	return store.Update(t.Context(), at, key, func(old []byte) ([]byte, error) { return change(old), nil })
}

func replaceBy(text string) func([]byte) []byte { return func([]byte) []byte { return []byte(text) } }

func flipByte(old []byte) []byte {
	old[7]++
	return old
}

// setMember sets a member of a JSON object.
func setMember(name string, value any) func([]byte) []byte {
	return func(old []byte) []byte {
		members := map[string]any{}
		if err := json.Unmarshal(old, &members); err != nil {
			return nil // which changes nothing, and the test fails
		}
		members[name] = value
		text, _ := json.Marshal(members)
		return text
	}
}

func TestARunNameIsNotUsedTwiceOnceItIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		if err := f.state.Delete(t.Context(), checkpointKey("old")); err != nil {
			t.Fatal(err)
		}
		f.churn(t, 1)
		f.fail(t, f.buffered(), snapshot.Input{Run: "old"}, noLimit, "State.Invalid")
		f.wantLatest(t, "old", smallTenant)
	})
}
