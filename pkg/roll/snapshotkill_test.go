package roll_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/roll"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

var errDead = errors.New("the process is dead")

// plug stands between a run and everything outside it: each call of a store or a
// bus goes through it, one after the other.
type plug struct {
	calls int
	// before and after, where set, are asked at each call with its number, from 1;
	// their error is the call's.
	before, after func(call int, op, key string) error
}

func (p *plug) Before(op, key string) error {
	p.calls++
	if p.before == nil {
		return nil
	}
	return p.before(p.calls, op, key)
}

func (p *plug) After(op, key string) error {
	if p.after == nil {
		return nil
	}
	return p.after(p.calls, op, key)
}

func (p *plug) around(s roll.Store) roll.Store {
	return &storetest.Faulty{Store: s, Before: p.Before, After: p.After}
}

// pluggedBus is a bus behind a plug.
type pluggedBus struct {
	*mail
	plug *plug
}

func (b pluggedBus) Publish(ctx context.Context, e bus.Event) error {
	if err := b.plug.Before("publish", e.Type); err != nil {
		return err
	}
	return b.mail.Publish(ctx, e)
}

func (b pluggedBus) Flush(ctx context.Context) error {
	if err := b.plug.Before("flush", ""); err != nil {
		return err
	}
	return b.mail.Flush(ctx)
}

// page is lines that go to the store some kilobytes at a time, as a compressor
// sends them.
type page struct {
	lines
	buffer *bufio.Writer
}

func (p *page) Close() error { return p.buffer.Flush() }

// buffered is the world's snapshot with few and large calls of its bucket, so
// that a test can go through all of them.
func (w *world) buffered() *roll.Snapshot {
	s := w.snapshot()
	s.Destinations[0].PartSize = 12 << 10
	s.Destinations[0].Encode = func(w io.Writer, _ []string) (roll.Encoder, error) {
		buffer := bufio.NewWriterSize(w, 8<<10)
		return &page{lines: lines{w: buffer}, buffer: buffer}, nil
	}
	return s
}

// plugged is the buffered snapshot whose every call goes through p.
func (w *world) plugged(p *plug) *roll.Snapshot {
	s := w.buffered()
	s.State, s.Destinations[0].Store = p.around(w.state), p.around(w.bucket)
	s.Announcements[0].Open = func() roll.Bus { return pluggedBus{&mail{to: w.box}, p} }
	return s
}

// slices goes on with s until the run is complete or fails, and returns what it
// was asked last, so that it can be asked again.
func (w *world) slices(ctx context.Context, s *roll.Snapshot, in roll.Input, limit time.Duration) (asked roll.Input, result *roll.Result, err error) {
	for range 100 {
		sliced, cancel := context.WithTimeout(ctx, limit)
		result, err = s.Run(sliced, in)
		cancel()
		if err != nil || result.Status != roll.Continue {
			return in, result, err
		}
		in = roll.Input{Resume: result.Resume}
	}
	return in, nil, errors.New("the run does not end")
}

// present returns the ids of the tenant's users, of the first n that ever were.
func (w *world) present(n int) map[string]bool {
	ids := map[string]bool{}
	for i := range n {
		id := w.tenant.ID(i)
		if _, there := w.tenant.Index(id); there {
			ids[id] = true
		}
	}
	return ids
}

// change lets some users come and as many leave.
func (w *world) change(t *testing.T, round int) {
	t.Helper()
	for i := range 4 {
		w.tenant.Create()
		if err := w.tenant.Delete(round*10 + i*50); err != nil {
			t.Fatal(err)
		}
	}
}

// mustHoldOneOf checks what a reader finds who knows only latest, and one who
// knows only the tables: one of the given lists each, whole.
func (w *world) mustHoldOneOf(t *testing.T, lists map[string]map[string]bool) {
	t.Helper()
	m, ids := w.latest(t)
	if m == nil || m.Status != roll.Complete || !maps.Equal(ids, lists[m.Run]) {
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

const killUsers = 300

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
	w.request.Parallel, w.request.PageSize = parallel, 50
	if parallel > 1 {
		w.request.PageSize = 10
	}
}

// killed is a world in which one list was published and the next run, which meets
// the faults, was killed at a boundary of its calls. It is nil when the run has no
// such boundary.
func killed(t *testing.T, parallel, boundary int, faults ...simulator.Fault) (w *world, asked roll.Input, lists map[string]map[string]bool) {
	t.Helper()
	w = newWorld(t, simulator.Config{Users: killUsers, Latency: time.Second})
	lists = map[string]map[string]bool{"old": w.present(killUsers)}
	if _, _, err := w.slices(t.Context(), w.buffered(), roll.Input{Run: "old"}, time.Hour); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Duration(parallel) * 10 * time.Hour) // to the same day, and to another
	w.change(t, 1)
	lists["new"] = w.present(killUsers + 100)
	w.ranges(parallel)
	for _, f := range faults {
		w.tenant.AddFault(f)
	}
	p := &plug{before: func(call int, _, _ string) error {
		if call > boundary {
			return errDead
		}
		return nil
	}}
	asked, _, err := w.slices(t.Context(), w.plugged(p), roll.Input{Run: "new"}, sliceLimit(parallel))
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
		if boundary < 50 {
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
	s.Request = request()
	if _, _, err := w.slices(t.Context(), s, roll.Input{Run: "next"}, time.Hour); err != nil {
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
func sliceOf(in roll.Input) int {
	_, after, _ := strings.Cut(in.Resume, ".")
	n, _ := strconv.Atoi(after)
	return max(1, n)
}

// told reports whether the bus was told that the run is complete.
func (w *world) told(run string) bool {
	for _, e := range w.box.events {
		if e.Type == roll.EventCompleted && e.Subject == run {
			return true
		}
	}
	return false
}
