package snapshot_test

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// mustHoldOneOf checks what a reader finds who knows only latest, and one who
// knows only the tables: one of the given lists each, whole.
func (w *world) mustHoldOneOf(t *testing.T, lists map[string]map[string]bool) {
	t.Helper()
	m, ids := w.latest(t)
	if m == nil || m.Status != snapshot.Complete || !maps.Equal(ids, lists[m.Run]) {
		t.Fatalf("latest leads to no published list: %+v", m)
	}
	for key := range w.tables() {
		found, text := w.table(t, key)
		ok := false
		for _, list := range lists {
			ok = ok || maps.Equal(found, list)
		}
		if !ok {
			t.Fatalf("%s is no published list, but %d users:\n%s", key, len(found), text)
		}
	}
}

// tables are the symlinks that there are.
func (w *world) tables() map[string]bool {
	keys := map[string]bool{}
	for _, key := range slicesOf(w.kept.Keys(), "symlink.txt") {
		keys[key] = true
	}
	if len(keys) == 0 {
		keys["users/tenant="+tenantID+"/symlink.txt"] = true
	}
	return keys
}

const killUsers = 240

// sliceLimit is the time of a slice in which the tenant of a kill test does not
// fit: pages take a second each, and to divide the list takes some, too.
func sliceLimit(parallel int) time.Duration {
	if parallel > 1 {
		return 14 * time.Second
	}
	return 5 * time.Second
}

// ranges lets the list be read in as many ranges, of several pages each.
func (w *world) ranges(parallel int) {
	w.request.Parallel, w.request.PageSize = parallel, 40
	if parallel > 1 {
		w.request.PageSize = 10
	}
}

// killed is a world in which one list was published and the next run, which meets
// the faults, was killed at a boundary of its calls. It is nil when the run has no
// such boundary.
func killed(t *testing.T, parallel, boundary int, faults ...simulator.Fault) (w *world, asked snapshot.Input, lists map[string]map[string]bool) {
	t.Helper()
	w = newWorld(t, simulator.Config{Users: killUsers, Latency: time.Second})
	lists = map[string]map[string]bool{"old": w.present(killUsers)}
	if _, _, err := w.slices(t.Context(), w.buffered(), snapshot.Input{Run: "old"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Duration(parallel) * 10 * time.Hour) // to the same day, and to another
	w.change(t, 1)
	lists["new"] = w.present(killUsers + 100)
	w.ranges(parallel)
	for _, f := range faults {
		w.tenant.AddFault(f)
	}
	calls := 0
	p := &plug{before: func(_ int, op, _ string) error {
		// What is written to an upload cannot be seen before its commit.
		if op != "write" {
			calls++
		}
		if calls > boundary {
			return errDead
		}
		return nil
	}}
	asked, _, err := w.slices(t.Context(), w.plugged(p), snapshot.Input{Run: "new"}, sliceLimit(parallel))
	if err == nil {
		return nil, asked, lists
	}
	if !errors.Is(err, errDead) {
		t.Fatalf("killed after %d calls, and yet: %v", boundary, err)
	}
	return w, asked, lists
}

// TestAKillAtAnyCallLeavesAWholeListAndTheRunGoesOn kills a run of several slices
// at each boundary of its calls of stores and buses, and asks for it again.
func TestAKillAtAnyCallLeavesAWholeListAndTheRunGoesOn(t *testing.T) {
	for _, parallel := range []int{1, 4} {
		boundary, slices := 0, 0
		for more := true; more; boundary++ {
			synctest.Test(t, func(t *testing.T) {
				w, asked, lists := killed(t, parallel, boundary)
				if more = w != nil; !more {
					slices = sliceOf(asked)
					return
				}
				w.mustHoldOneOf(t, lists)
				_, result, err := w.slices(t.Context(), w.buffered(), asked, sliceLimit(parallel))
				if err != nil || result.Run != "new" {
					t.Fatalf("killed after %d calls and asked again: %v", boundary, err)
				}
				w.mustHold(t, "new")
				w.mustHoldOneOf(t, lists)
				if !w.told("new") {
					t.Errorf("killed after %d calls: nobody was told of the list", boundary)
				}
				if parallel == 1 {
					w.publishesNext(t, lists)
				}
			})
			if t.Failed() {
				t.Fatalf("%d ranges, killed after %d calls", parallel, boundary)
			}
		}
		if boundary < 30 {
			t.Errorf("the run had only %d calls", boundary)
		}
		if slices < 2 || parallel == 1 && slices < 3 {
			t.Errorf("%d ranges: the run had only %d slices", parallel, slices)
		}
	}
}

// TestAKillAroundALostPageTokenLeavesWhatTheCheckpointNames kills a run that has to
// discard what its earlier slices have written.
func TestAKillAroundALostPageTokenLeavesWhatTheCheckpointNames(t *testing.T) {
	lost := simulator.Fault{Name: "expired-token", Page: 5, Times: 1}
	for boundary, more := 0, true; more; boundary++ {
		synctest.Test(t, func(t *testing.T) {
			w, asked, lists := killed(t, 1, boundary, lost)
			if more = w != nil; !more {
				return
			}
			w.mustHoldOneOf(t, lists)
			if _, _, err := w.slices(t.Context(), w.buffered(), asked, sliceLimit(1)); err != nil {
				t.Fatal(err)
			}
			if m := w.mustHold(t, "new"); m.Duplicates > 0 {
				t.Errorf("%+v", m)
			}
		})
		if t.Failed() {
			t.Fatalf("killed after %d calls", boundary)
		}
	}
}

// TestAKillAtAnyCallIsNothingToTheNextRun kills a run likewise, lets another run
// publish, and only then asks for the killed one again.
func TestAKillAtAnyCallIsNothingToTheNextRun(t *testing.T) {
	for boundary, more := 0, true; more; boundary++ {
		synctest.Test(t, func(t *testing.T) {
			w, asked, lists := killed(t, 1, boundary)
			if more = w != nil; !more {
				return
			}
			begun := w.holds("run=new/checkpoint.json")
			w.publishesNext(t, lists)
			_, result, err := w.slices(t.Context(), w.buffered(), asked, sliceLimit(1))
			if err != nil || result.Run != "new" {
				t.Fatalf("the older run, asked again: %v", err)
			}
			if begun {
				w.mustHold(t, "next")
			} else { // it has only now begun
				w.mustHold(t, "new")
			}
		})
		if t.Failed() {
			t.Fatalf("killed after %d calls", boundary)
		}
	}
}

// publishesNext publishes another list and checks that it is the tenant.
func (w *world) publishesNext(t *testing.T, lists map[string]map[string]bool) {
	t.Helper()
	time.Sleep(time.Hour)
	w.change(t, 2)
	lists["next"] = w.present(killUsers + 200)
	s := w.buffered()
	s.Request = listtest.Request()
	if _, _, err := w.slices(t.Context(), s, snapshot.Input{Run: "next"}, time.Hour); err != nil {
		t.Fatalf("the next run: %v", err)
	}
	w.mustHold(t, "next")
	w.mustHoldOneOf(t, lists)
}

// holds reports whether the state store has an object of that name.
func (w *world) holds(name string) bool {
	_, _, err := w.state.Read(context.Background(), "tenant="+tenantID+"/"+name)
	return err == nil
}

// sliceOf is the slice that an input asks for.
func sliceOf(in snapshot.Input) int {
	_, after, _ := strings.Cut(in.Resume, ".")
	n, _ := strconv.Atoi(after)
	return max(1, n)
}

// told reports whether the bus was told that the run is complete.
func (w *world) told(run string) bool {
	for _, e := range w.box.events {
		if e.Type == snapshot.EventCompleted && e.Subject == run {
			return true
		}
	}
	return false
}
