package snapshot_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

func TestAnotherConfigurationDoesNotGoOnWithARun(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *snapshot.Snapshot)
		allows bool
	}{
		"other columns":       {change: func(s *snapshot.Snapshot) { s.Request.Columns = listtest.Columns("id", "mail") }},
		"an optional column":  {change: func(s *snapshot.Snapshot) { s.Request.Columns[3].Optional = true }},
		"another filter":      {change: func(s *snapshot.Snapshot) { s.Request.Filter = "accountEnabled eq true" }},
		"another page size":   {change: func(s *snapshot.Snapshot) { s.Request.PageSize = 99 }},
		"another format":      {change: func(s *snapshot.Snapshot) { s.Destinations[0].Format = "csv" }},
		"another compression": {change: func(s *snapshot.Snapshot) { s.Destinations[0].Compression = "gzip" }},
		"another place":       {change: func(s *snapshot.Snapshot) { s.Destinations[0].Store = elsewhere{s.Destinations[0].Store} }},
		"one place more":      {change: func(s *snapshot.Snapshot) { s.Destinations = append(s.Destinations, s.Destinations[0]) }},
		"no place":            {change: func(s *snapshot.Snapshot) { s.Destinations = nil }},
		"more ranges":         {change: func(s *snapshot.Snapshot) { s.Request.Parallel = 4 }, allows: true},
		"more slack":          {change: func(s *snapshot.Snapshot) { s.Request.Slack = tolerance.Tolerance{Users: 3} }, allows: true},
		"the same":            {change: func(*snapshot.Snapshot) {}, allows: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := small(t)
				first, err := w.slice(t, w.buffered(), snapshot.Input{Run: "r"}, sliceLimit(1))
				if err != nil {
					t.Fatal(err)
				}
				w.suspect(t, "s")
				changed := w.buffered()
				c.change(changed)
				for _, in := range []snapshot.Input{{Resume: first.Resume}, {Accept: "s"}, {Run: "s"}} {
					_, err := changed.Run(t.Context(), in)
					switch {
					case !c.allows:
						mustBeCalled(t, err, "State.Invalid")
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

// elsewhere is a store at another address.
type elsewhere struct{ snapshot.Store }

func (elsewhere) URL(key string) string { return "elsewhere:///" + key }

func TestStateThatCannotBeReadIsNamed(t *testing.T) {
	checkpoint := "tenant=" + tenantID + "/run=new/checkpoint.json"
	for name, c := range map[string]struct {
		key  func(w *world) (snapshot.Store, string)
		body func(old []byte) string
	}{
		"a checkpoint of garbage":      {key: func(w *world) (snapshot.Store, string) { return w.state, checkpoint }, body: constant("{")},
		"a checkpoint of nothing":      {key: func(w *world) (snapshot.Store, string) { return w.state, checkpoint }, body: constant(`{}`)},
		"a checkpoint of no phase":     {key: func(w *world) (snapshot.Store, string) { return w.state, checkpoint }, body: edited("phase", "dancing")},
		"a checkpoint without answers": {key: func(w *world) (snapshot.Store, string) { return w.state, checkpoint }, body: edited("phase", "done")},
		"a checkpoint of another run":  {key: func(w *world) (snapshot.Store, string) { return w.state, checkpoint }, body: edited("run", "old")},
		"a checkpoint of another form": {key: func(w *world) (snapshot.Store, string) { return w.state, checkpoint }, body: edited("version", 2)},
		"known users of garbage":       {key: func(w *world) (snapshot.Store, string) { return w.state, slicesOf(w.stateKeys(), "/known/")[0] }, body: constant("[]")},
		"known users of another form":  {key: func(w *world) (snapshot.Store, string) { return w.state, slicesOf(w.stateKeys(), "/known/")[0] }, body: edited("version", 2)},
		"own ids that were changed":    {key: func(w *world) (snapshot.Store, string) { return w.state, slicesOf(w.stateKeys(), "/run=new/ids-")[0] }, body: flipped},
		"latest of garbage":            {key: func(w *world) (snapshot.Store, string) { return w.bucket, "latest/tenant=" + tenantID + ".json" }, body: constant("latest")},
		"latest of another form":       {key: func(w *world) (snapshot.Store, string) { return w.bucket, "latest/tenant=" + tenantID + ".json" }, body: edited("version", 2)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := small(t)
				first, err := w.slice(t, w.buffered(), snapshot.Input{Run: "new"}, sliceLimit(1))
				if err != nil || first.Status != snapshot.Continue {
					t.Fatalf("%+v, %v", first, err)
				}
				at, key := c.key(w)
				old := w.replace(t, at, key, c.body)
				_, _, err = w.slices(t.Context(), w.buffered(), snapshot.Input{Resume: first.Resume}, time.Hour)
				mustBeCalled(t, err, "State.Invalid")
				if !strings.Contains(err.Error(), at.URL(key)) {
					t.Errorf("%v does not name %s", err, at.URL(key))
				}
				w.replace(t, at, key, constant(string(old)))
				if m, _ := w.latest(t); m.Run != "old" {
					t.Errorf("latest is run %s", m.Run)
				}
				if _, _, err = w.slices(t.Context(), w.buffered(), snapshot.Input{Resume: first.Resume}, time.Hour); err != nil {
					t.Errorf("after it was put right: %v", err)
				}
				w.mustHold(t, "new")
			})
		})
	}
}

func constant(text string) func([]byte) string { return func([]byte) string { return text } }

func shortened(by int) func([]byte) string {
	return func(old []byte) string { return string(old[:len(old)-by]) }
}

func flipped(old []byte) string {
	old[7]++
	return string(old)
}

// edited sets a member of a JSON object.
func edited(name string, value any) func([]byte) string {
	return func(old []byte) string {
		members := map[string]any{}
		if err := json.Unmarshal(old, &members); err != nil {
			return err.Error()
		}
		members[name] = value
		text, err := json.Marshal(members)
		if err != nil {
			return err.Error()
		}
		return string(text)
	}
}

// replace changes an object behind everybody's back and returns what it held.
func (w *world) replace(t *testing.T, at snapshot.Store, key string, body func(old []byte) string) []byte {
	t.Helper()
	old, version, err := at.Read(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	kept := append([]byte(nil), old...)
	if _, err = at.Swap(context.Background(), key, []byte(body(old)), version); err != nil {
		t.Fatal(err)
	}
	return kept
}

func (w *world) stateKeys() []string {
	keys, ok := w.state.(interface{ Keys() []string })
	if !ok {
		return nil
	}
	return keys.Keys()
}

func TestARunNameIsNotUsedTwiceWhereTheFirstIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		if err := w.state.Delete(t.Context(), "tenant="+tenantID+"/run=old/checkpoint.json"); err != nil {
			t.Fatal(err)
		}
		before := len(w.kept.Keys())
		w.change(t, 1)
		_, _, err := w.slices(t.Context(), w.buffered(), snapshot.Input{Run: "old"}, time.Hour)
		mustBeCalled(t, err, "State.Invalid")
		if m, ids := w.latest(t); m == nil || m.Run != "old" || len(ids) != killUsers {
			t.Errorf("%+v, %d objects before", m, before)
		}
	})
}
