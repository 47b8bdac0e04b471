package changes_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

const pointerName = "tenant=" + tenantID + "/changes/pointer.json"

// slow is a tenant each of whose answers takes a second.
func slow(users int) simulator.Config {
	return simulator.Config{Users: users, Latency: time.Second, DeltaPageSize: 50}
}

// slowShards lets each shard of the mirror take a second to be written.
func slowShards(op, key string) error {
	if name := key[strings.LastIndexByte(key, '/')+1:]; op == "swap" && len(name) == 2 {
		time.Sleep(time.Second)
	}
	return nil
}

// limited runs the feed once, with so much time.
func (f *fixture) limited(t testing.TB, in changes.Input, time time.Duration) (*changes.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), time, nil)
	defer cancel()
	return f.feed().Run(ctx, in)
}

// parked is the step of the comparison that is parked, "" if none is.
func (f *fixture) parked(t testing.TB) (step string) {
	t.Helper()
	body, _, err := f.memory.Read(t.Context(), pointerName)
	if errors.Is(err, store.ErrNotFound) {
		return ""
	}
	must(t, err)
	var p struct{ Resuming struct{ Step string } }
	must(t, json.Unmarshal(body, &p))
	return p.Resuming.Step
}

// slices runs the feed, with so much time each time, until it is complete. between is
// called after each slice but the last.
func (f *fixture) slices(t testing.TB, in changes.Input, time time.Duration, between func()) (last *changes.Result, slices int) {
	t.Helper()
	for {
		r, err := f.limited(t, in, time)
		must(t, err)
		if slices++; slices > 100 {
			t.Fatal("it does not come to an end")
		}
		if r.Status == changes.Complete {
			return r, slices
		}
		between()
	}
}

func TestAComparisonThatDoesNotFinishGoesOnInTheNextRun(t *testing.T) {
	for name, c := range map[string]struct {
		in      changes.Input
		kind    string
		prepare func(t *testing.T, f *fixture)
	}{
		"baseline": {in: changes.Input{Baseline: "emit"}, kind: changes.Baseline},
		"reconcile": {in: changes.Input{Resync: true}, kind: changes.Reconcile, prepare: func(t *testing.T, f *fixture) {
			for i := range 120 {
				must(t, f.tenant.SetDepartment(i+20, "X"))
			}
		}},
		"resync": {kind: changes.Resync, prepare: func(*testing.T, *fixture) { time.Sleep(8 * 24 * time.Hour) }},
		"reselect": {kind: changes.Reselect, prepare: func(_ *testing.T, f *fixture) {
			f.request.Columns = append(f.request.Columns, listtest.Columns("jobTitle", "manager")...)
		}},
	} {
		for _, parallel := range []int{1, 3} {
			t.Run(name, func(t *testing.T) {
				bubble(t, slow(1500), func(t *testing.T, f *fixture) {
					f.request.Parallel, f.request.PageSize = parallel, 50
					consumer := newConsumer()
					if c.prepare != nil {
						f.run(t, changes.Input{Baseline: "emit"})
						c.prepare(t, f)
					}
					f.tenant.ForgetRequests()
					steps, changed := map[string]bool{}, 0
					r, slices := f.slices(t, c.in, 12*time.Second, func() {
						steps[f.parked(t)] = true
						changed++
						must(t, f.tenant.SetDepartment(100+changed, "Y"), f.tenant.Delete(200+changed), f.tenant.Delete(300+changed), f.tenant.Restore(300+changed))
						f.tenant.Create()
					})
					pages := 0
					for _, q := range f.tenant.Requests() {
						if q.Kind == "list" && q.Page > 0 && !strings.Contains(q.RawQuery, "id%20in") {
							pages++
						}
					}
					if pages > 30+3*slices { // 30 pages, some of them requested once more when parked
						t.Errorf("%d pages were asked for in %d slices", pages, slices)
					}
					f.run(t, changes.Input{})
					consumer.consume(t, f.buses[0].take())
					if c.kind != changes.Reselect {
						f.wantSame(t, consumer)
					}
					f.wantClean(t)
					if slices < 3 || r.Kind != c.kind || !steps["listing"] {
						t.Errorf("%d slices, parked while %v, %+v", slices, steps, r)
					}
				})
			})
		}
	}
}

func TestEachStepOfAComparisonCanBeParked(t *testing.T) {
	cfg := slow(400)
	cfg.DeltaPageSize = 10
	bubble(t, cfg, func(t *testing.T, f *fixture) {
		f.request.PageSize = 50
		c := newConsumer()
		f.run(t, changes.Input{Baseline: "emit"})
		for i := range 130 {
			must(t, f.tenant.SetDepartment(i, "X"), f.tenant.Delete(i+130))
		}
		time.Sleep(time.Hour)
		f.state.Before = slowShards
		steps, n := map[string]int{}, 0
		_, slices := f.slices(t, changes.Input{Resync: true}, 6*time.Second, func() {
			steps[f.parked(t)]++
			for i := 130; i < 400 && steps["comparing"] == 0; i++ {
				_ = f.tenant.SetDepartment(i, [...]string{"Y", "Z"}[n%2])
			}
			n++
		})
		f.state.Before = nil
		for _, step := range []string{"listing", "deletedItems", "explaining", "draining", "comparing"} {
			if steps[step] == 0 {
				t.Errorf("it was never parked while %s: %v in %d slices", step, steps, slices)
			}
		}
		f.run(t, changes.Input{})
		c.consume(t, f.buses[0].take())
		f.wantSame(t, c)
		f.wantClean(t)
	})
}

func TestARunThatReadsNoPageFailsAndLeavesWhatIsParked(t *testing.T) {
	bubble(t, slow(1500), func(t *testing.T, f *fixture) {
		f.request.PageSize = 50
		in := changes.Input{Baseline: "emit"}
		if r, err := f.limited(t, in, time.Second/2); err == nil {
			t.Fatalf("%+v", r)
		}
		if r, err := f.limited(t, in, 12*time.Second); err != nil || r.Status != changes.Continue {
			t.Fatalf("%+v %v", r, err)
		}
		before, _, err := f.memory.Read(t.Context(), pointerName)
		must(t, err)
		for range 3 {
			if r, err := f.limited(t, in, time.Second/2); err == nil {
				t.Fatalf("%+v", r)
			}
		}
		if after, _, err := f.memory.Read(t.Context(), pointerName); err != nil || string(after) != string(before) {
			t.Errorf("%v\n%s\n%s", err, before, after)
		}
		if r, _ := f.slices(t, in, 12*time.Second, func() {}); r.Users != 1500 || r.Kind != changes.Baseline {
			t.Errorf("%+v", r)
		}
	})
}

func TestShardsThatAreComparedAreNotWrittenAgain(t *testing.T) {
	bubble(t, slow(400), func(t *testing.T, f *fixture) {
		f.state.Before = slowShards
		_, slices := f.slices(t, changes.Input{}, 60*time.Second, func() {})
		written := map[string]int{}
		for _, call := range f.state.Calls() {
			if call.Op == "swap" {
				written[call.Key[strings.LastIndexByte(call.Key, '/')+1:]]++
			}
		}
		twice := 0
		for name, n := range written {
			if n > 1 && len(name) == 2 {
				twice++
			}
		}
		if slices < 4 || twice > slices { // the one at which the time ends
			t.Errorf("%d slices, %d shards were written again: %v", slices, twice, written)
		}
		f.wantClean(t)
	})
}
