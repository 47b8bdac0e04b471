package changes_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// script is what happens in the tenant before the run that is killed, and whether it reads
// everybody.
type script struct {
	name string
	in   changes.Input
	do   func(t *testing.T, f *fixture)
	// slice, if set, is the time of each run, in which an answer takes a second: it parks.
	slice time.Duration
}

func scripts() []script {
	some := func(t *testing.T, f *fixture) {
		t.Helper()
		must(t, f.tenant.SetDepartment(3, "X"), f.tenant.Delete(4), f.tenant.Delete(5), f.tenant.Purge(5), f.tenant.Restore(6))
		f.tenant.Create()
	}
	expired := func(t *testing.T, f *fixture) {
		t.Helper()
		some(t, f)
		time.Sleep(8 * 24 * time.Hour)
	}
	return []script{
		{name: "round", do: some},
		{name: "reconcile", in: changes.Input{Resync: true}, do: some},
		{name: "resync", do: expired},
		{name: "reselect", do: func(t *testing.T, f *fixture) {
			t.Helper()
			some(t, f)
			f.request.Columns = append(f.request.Columns, f.request.Columns[0])
			f.request.Columns[len(f.request.Columns)-1].Name = "jobTitle"
		}},
		{name: "baseline", in: changes.Input{Baseline: "emit"}, slice: 8 * time.Second, do: some},
		{name: "reconcile in slices", in: changes.Input{Resync: true}, slice: 8 * time.Second, do: some},
		{name: "resync in slices", slice: 8 * time.Second, do: expired},
	}
}

// TestARunKilledAtAnyCallLosesNothing kills a run before and after each call of the store and
// of the two buses; meanwhile the tenant changes, also back to what it was.
func TestARunKilledAtAnyCallLosesNothing(t *testing.T) {
	for _, s := range scripts() {
		for _, afterwards := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%t", s.name, afterwards), func(t *testing.T) {
				t.Parallel()
				ways := 0
				for alive := false; !alive && !t.Failed(); ways++ {
					cfg := simulator.Config{Users: 20}
					if s.slice > 0 {
						cfg.Users, cfg.Latency, cfg.DeltaPageSize = 12, time.Second, 2
					}
					bubble(t, cfg, func(t *testing.T, f *fixture) { alive = killed(t, f, s, ways, afterwards) })
				}
				if ways < 15 {
					t.Errorf("there were only %d ways to be killed", ways)
				}
			})
		}
	}
}

// killed runs a script that is killed at a call, and reports whether there was no such call.
func killed(t *testing.T, f *fixture, s script, ways int, afterwards bool) (alive bool) {
	t.Helper()
	f.buses = append(f.buses, &fakeBus{})
	if s.slice > 0 {
		f.request.PageSize = 2
	}
	must(t, f.tenant.SetDepartment(3, "A"), f.tenant.Delete(6))
	if s.name != "baseline" {
		f.run(t, changes.Input{Baseline: "emit"})
	}
	consumers := []*consumer{newConsumer(), newConsumer()}
	take := func() {
		for i, c := range consumers {
			c.consume(t, f.buses[i].take())
		}
	}
	take()
	time.Sleep(time.Hour)
	s.do(t, f)
	calls := 0
	call := func() error {
		if calls++; calls > ways {
			return errKilled
		}
		return nil
	}
	store, event := func(string, string) error { return call() }, func(string) error { return call() }
	if afterwards {
		f.state.After = store
		f.buses[0].after, f.buses[1].after = event, event
		dead := func() error {
			if calls > ways {
				return errKilled
			}
			return nil
		}
		f.state.Before = func(string, string) error { return dead() }
		f.buses[0].before, f.buses[1].before = func(string) error { return dead() }, func(string) error { return dead() }
	} else {
		f.state.Before = store
		f.buses[0].before, f.buses[1].before = event, event
	}
	err := f.sliced(t, s)
	alive = calls <= ways
	if !alive && err != nil && !errors.Is(err, errKilled) {
		t.Fatalf("killed after %d calls: %v", ways, err)
	}
	f.state.Before, f.state.After = nil, nil
	for _, b := range f.buses {
		b.before, b.after = nil, nil
	}
	must(t, f.tenant.SetDepartment(3, "A"), f.tenant.Restore(4)) // back to what it was
	time.Sleep(time.Second)
	f.run(t, s.in)
	f.run(t, changes.Input{})
	take()
	for i, c := range consumers {
		if s.name == "reselect" { // further columns come with the next event
			f.buses[i].take()
			continue
		}
		f.wantSame(t, c)
	}
	must(t, f.tenant.SetDepartment(3, "Z")) // a turn deletes what the killed one has left
	f.run(t, changes.Input{})
	f.wantClean(t)
	if t.Failed() {
		t.Logf("killed after %d calls", ways)
	}
	return alive
}

// sliced runs a script to its end, in slices if it has any.
func (f *fixture) sliced(t *testing.T, s script) error {
	t.Helper()
	for slices := 0; ; slices++ {
		ctx, cancel := t.Context(), context.CancelFunc(func() {})
		if s.slice > 0 {
			ctx, cancel = context.WithTimeout(ctx, s.slice)
		}
		r, err := f.feed().Run(ctx, s.in)
		cancel()
		switch {
		case err != nil:
			return err
		case r.Status == changes.Complete && s.slice > 0 && slices < 2:
			t.Errorf("it took only %d slices", slices+1)
			return nil
		case r.Status == changes.Complete:
			return nil
		}
	}
}
