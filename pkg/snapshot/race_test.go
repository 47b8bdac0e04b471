package snapshot_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// strike is what happens once, at one call of a run.
type strike struct {
	// at chooses among the calls; nil means any.
	at func(op, key string) bool
	// do happens ahead of the call, or after it in place of its reply.
	do    func(t *testing.T, w *world) error
	after bool
}

// atEachCall runs test for the first call, the second, and so on, as long as there
// are that many. test gives the plug to the run that is to be struck.
func (s strike) atEachCall(t *testing.T, test func(t *testing.T, w *world, p *plug)) {
	t.Helper()
	for number, struck := 1, true; struck; number++ {
		struck = false
		what := ""
		synctest.Test(t, func(t *testing.T) {
			w := small(t)
			seen := 0
			hook := func(_ int, op, key string) error {
				if s.at != nil && !s.at(op, key) {
					return nil
				}
				if seen++; seen != number {
					return nil
				}
				struck, what = true, op+" "+key
				return s.do(t, w)
			}
			p := &plug{before: hook}
			if s.after {
				p = &plug{after: hook}
			}
			test(t, w, p)
		})
		if t.Failed() {
			t.Fatalf("at call %d: %s", number, what)
		}
		if !struck && number < 3 {
			t.Fatalf("there were only %d calls", number-1)
		}
	}
}

// small is a world with a list that was published an hour ago.
func small(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, simulator.Config{Users: killUsers, Latency: time.Second})
	w.ranges(1)
	w.publish(t, "old")
	time.Sleep(time.Hour)
	return w
}

// publish runs to the end, undisturbed and in one slice.
func (w *world) publish(t *testing.T, run string) {
	t.Helper()
	if _, _, err := w.run(t.Context(), snapshot.Input{Run: run}, 0); err != nil {
		t.Fatal(err)
	}
}

// again asks until there is an answer, as a state machine retries.
func (w *world) again(t *testing.T, s *snapshot.Snapshot, in snapshot.Input, limit time.Duration) *snapshot.Result {
	t.Helper()
	for range 3 {
		asked, result, err := w.slices(t.Context(), s, in, limit)
		if err == nil {
			return result
		}
		in = asked
	}
	t.Fatal("three tries did not help")
	return nil
}

// mustKeepOneSet checks that a run has left just the objects that its manifest
// names.
func (w *world) mustKeepOneSet(t *testing.T, m *snapshot.Manifest) {
	t.Helper()
	var named []string
	for _, o := range m.Objects {
		named = append(named, strings.TrimPrefix(o.URL, "memory:///"))
	}
	slices.Sort(named)
	if diff := cmp.Diff(named, slicesOf(w.kept.Keys(), "run="+m.Run+"/part-")); diff != "" {
		t.Errorf("the objects named and stored of run %s differ:\n%s", m.Run, diff)
	}
}

func checkpoints(op, key string) bool {
	return op == "swap" && strings.HasSuffix(key, "checkpoint.json")
}

func TestALostReplyToAnyCallLosesNothing(t *testing.T) {
	lost := strike{after: true, do: func(*testing.T, *world) error { return errors.New("the connection broke") }}
	lost.atEachCall(t, func(t *testing.T, w *world, p *plug) {
		w.change(t, 1)
		result := w.again(t, w.plugged(p), snapshot.Input{Run: "new"}, sliceLimit(1))
		if m := w.mustHold(t, "new"); result.Users != m.Users || !w.told("new") {
			t.Errorf("%+v for %+v", result, m)
		}
	})
}

func conflict(*testing.T, *world) error { return &store.Error{Op: "swap", Err: store.ErrConflict} }

// TestAConflictWithOnesOwnWriteIsSuccess is what a store's own retry leads to when
// its first reply was lost.
func TestAConflictWithOnesOwnWriteIsSuccess(t *testing.T) {
	own := strike{at: isOp("swap"), after: true, do: conflict}
	own.atEachCall(t, func(t *testing.T, w *world, p *plug) {
		w.change(t, 1)
		asked, _, err := w.slices(t.Context(), w.plugged(p), snapshot.Input{Run: "new"}, sliceLimit(1))
		if err != nil {
			t.Fatalf("at %+v: %v", asked, err)
		}
		w.mustKeepOneSet(t, w.mustHold(t, "new"))
		if strings.Contains(w.log.String(), "another invocation") {
			t.Error("the run took itself for another one")
		}
	})
}

func TestAnAcceptedRunTakesItsOwnWriteForSuccess(t *testing.T) {
	own := strike{at: isOp("swap"), after: true, do: conflict}
	own.atEachCall(t, func(t *testing.T, w *world, p *plug) {
		w.suspect(t, "new")
		if _, err := w.plugged(p).Run(t.Context(), snapshot.Input{Accept: "new"}); err != nil {
			t.Fatal(err)
		}
		w.mustHold(t, "new")
		if strings.Contains(w.log.String(), "another invocation") {
			t.Error("the run took itself for another one")
		}
	})
}

// TestARunThatWasOvertakenAfterItWasSavedDeletesNothing lets another invocation go
// on to the end from a checkpoint whose writer has not heard yet that it is
// stored.
func TestARunThatWasOvertakenAfterItWasSavedDeletesNothing(t *testing.T) {
	overtake := func(t *testing.T, w *world) error {
		if _, _, err := w.slices(t.Context(), w.buffered(), snapshot.Input{Run: "new"}, time.Hour); err != nil {
			return err
		}
		return conflict(t, w)
	}
	strike{at: checkpoints, after: true, do: overtake}.atEachCall(t, func(t *testing.T, w *world, p *plug) {
		w.change(t, 1)
		result := w.again(t, w.plugged(p), snapshot.Input{Run: "new"}, sliceLimit(1))
		if result.Run != "new" || result.Users != w.tenant.Users() {
			t.Errorf("%+v", result)
		}
		w.mustKeepOneSet(t, w.mustHold(t, "new"))
	})
}

// TestTwoInvocationsOfOneSliceAnswerTheSame lets another invocation do the slice at
// each call of the first: one that ends the list, or parks.
func TestTwoInvocationsOfOneSliceAnswerTheSame(t *testing.T) {
	in := snapshot.Input{Run: "new"}
	for _, limit := range []time.Duration{time.Hour, sliceLimit(1)} {
		var other *snapshot.Result
		invoke := func(t *testing.T, w *world) (err error) {
			other, err = w.slice(t, w.buffered(), in, limit)
			return err
		}
		strike{do: invoke}.atEachCall(t, func(t *testing.T, w *world, p *plug) {
			other = nil
			mine, err := w.slice(t, w.plugged(p), in, time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(mine, other); other != nil && diff != "" {
				t.Errorf("the invocations answer differently:\n%s", diff)
			}
			w.again(t, w.buffered(), in, time.Hour)
			w.mustKeepOneSet(t, w.mustHold(t, "new"))
		})
	}
}

// slice asks for one slice.
func (w *world) slice(t *testing.T, s *snapshot.Snapshot, in snapshot.Input, limit time.Duration) (*snapshot.Result, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return s.Run(ctx, in)
}

// TestAnOlderRunThatEndsLastStaysBehind publishes a newer run, of the same day and
// of the next, at each call of an older one.
func TestAnOlderRunThatEndsLastStaysBehind(t *testing.T) {
	for _, later := range []time.Duration{time.Second, 24 * time.Hour} {
		overtake := func(t *testing.T, w *world) error {
			time.Sleep(later)
			w.publish(t, "newer")
			return nil
		}
		strike{do: overtake}.atEachCall(t, func(t *testing.T, w *world, p *plug) {
			_, result, err := w.slices(t.Context(), w.plugged(p), snapshot.Input{Run: "older"}, 48*time.Hour)
			if err != nil || result.Status != snapshot.Complete || result.Users != killUsers {
				t.Fatalf("%+v, %v", result, err)
			}
			if !w.holds("run=newer/checkpoint.json") {
				return // the older one was through
			}
			m := w.mustHold(t, "newer")
			for _, key := range []string{"users/tenant=" + tenantID, "history/tenant=" + tenantID + "/date=" + m.StartedAt.Format(time.DateOnly)} {
				if _, text := w.table(t, key+"/symlink.txt"); !strings.Contains(text, "run=newer/") {
					t.Errorf("%s leads to\n%s", key, text)
				}
			}
			known, _, err := w.state.Read(t.Context(), slicesOf(w.stateKeys(), "/known/")[0])
			if err != nil || !strings.Contains(string(known), `"run":"newer"`) {
				t.Errorf("what is known is %s, %v", known, err)
			}
			w.publish(t, "next") // what it is compared with is there
		})
	}
}

// TestAnOlderRunHealsTheTableOfANewerOne that was killed before it had moved it.
func TestAnOlderRunHealsTheTableOfANewerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		if _, err := w.slice(t, w.buffered(), snapshot.Input{Run: "older"}, sliceLimit(1)); err != nil {
			t.Fatal(err)
		}
		p := &plug{before: func(_ int, op, key string) error {
			if op == "swap" && strings.HasPrefix(key, "users/") {
				return errDead
			}
			return nil
		}}
		if _, _, err := w.slices(t.Context(), w.plugged(p), snapshot.Input{Run: "newer"}, time.Hour); !errors.Is(err, errDead) {
			t.Fatal(err)
		}
		if _, _, err := w.slices(t.Context(), w.buffered(), snapshot.Input{Resume: "older.2"}, time.Hour); err != nil {
			t.Fatal(err)
		}
		w.mustHold(t, "newer")
		if _, text := w.table(t, "users/tenant="+tenantID+"/symlink.txt"); !strings.Contains(text, "run=newer/") {
			t.Errorf("the table of users leads to\n%s", text)
		}
	})
}

// TestARunThatNeverWasTheLatestIsNotInHistory ends a run of yesterday after one of
// today.
func TestARunThatNeverWasTheLatestIsNotInHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		yesterday := "history/tenant=" + tenantID + "/date=" + time.Now().UTC().Format(time.DateOnly) + "/symlink.txt"
		if _, err := w.slice(t, w.snapshot(), snapshot.Input{Run: "older"}, sliceLimit(1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		w.publish(t, "newer")
		if _, _, err := w.run(t.Context(), snapshot.Input{Resume: "older.2"}, 0); err != nil {
			t.Fatal(err)
		}
		if _, text := w.table(t, yesterday); !strings.Contains(text, "run=old/") {
			t.Errorf("yesterday's table leads to\n%s", text)
		}
		w.mustHold(t, "newer")
	})
}
