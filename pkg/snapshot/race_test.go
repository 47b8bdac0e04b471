package snapshot_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// retry asks until there is an answer, as a state machine does.
func (f *fixture) retry(t *testing.T, s *snapshot.Snapshot, in snapshot.Input, limit time.Duration) *snapshot.Result {
	t.Helper()
	for range 3 {
		asked, result, err := f.slices(t, s, in, limit)
		if err == nil {
			return result
		}
		in = asked
	}
	t.Fatal("three tries did not help")
	return nil
}

func TestALostReplyToAnyCallLosesNothing(t *testing.T) {
	lost := injection{replyLost: true, do: func(*testing.T, *fixture) error { return errors.New("the connection broke") }}
	lost.atEachCall(t, func(t *testing.T, f *fixture, i *interceptor) {
		f.churn(t, 1)
		result := f.retry(t, f.intercepted(i), snapshot.Input{Run: "new"}, sliceLimit(1))
		if m := f.wantPublished(t, "new"); result.Users != m.Users || !f.announced("new") {
			t.Errorf("%+v for %+v", result, m)
		}
	})
}

// conflict is what a store's own retry leads to when its first reply was lost.
func conflict(*testing.T, *fixture) error { return &store.Error{Op: "swap", Err: store.ErrConflict} }

func (f *fixture) wantNotOvertaken(t *testing.T) {
	t.Helper()
	if strings.Contains(f.log.String(), "another invocation") {
		t.Error("the run took itself for another invocation")
	}
}

func TestAConflictWithOnesOwnWriteIsSuccess(t *testing.T) {
	own := injection{at: calls("swap", ""), replyLost: true, do: conflict}
	t.Run("of a run", func(t *testing.T) {
		own.atEachCall(t, func(t *testing.T, f *fixture, i *interceptor) {
			f.churn(t, 1)
			f.complete(t, f.intercepted(i), snapshot.Input{Run: "new"}, sliceLimit(1))
			f.wantOnlyNamedParts(t, f.wantPublished(t, "new"))
			f.wantNotOvertaken(t)
		})
	})
	t.Run("of a run that is accepted", func(t *testing.T) {
		own.atEachCall(t, func(t *testing.T, f *fixture, i *interceptor) {
			f.suspect(t, "new")
			f.complete(t, f.intercepted(i), snapshot.Input{Accept: "new"}, noLimit)
			f.wantPublished(t, "new")
			f.wantNotOvertaken(t)
		})
	})
}

// TestARunOvertakenAfterItWasSavedDeletesNothing has another invocation complete the run
// from a checkpoint whose writer does not know yet that it is stored.
func TestARunOvertakenAfterItWasSavedDeletesNothing(t *testing.T) {
	overtake := func(t *testing.T, f *fixture) error {
		if _, _, err := f.slices(t, f.buffered(), snapshot.Input{Run: "new"}, noLimit); err != nil {
			return err
		}
		return conflict(t, f)
	}
	saved := injection{at: calls("swap", "checkpoint.json"), replyLost: true, do: overtake}
	saved.atEachCall(t, func(t *testing.T, f *fixture, i *interceptor) {
		f.churn(t, 1)
		result := f.retry(t, f.intercepted(i), snapshot.Input{Run: "new"}, sliceLimit(1))
		if result.Run != "new" || result.Users != f.tenant.Users() {
			t.Errorf("%+v", result)
		}
		f.wantOnlyNamedParts(t, f.wantPublished(t, "new"))
	})
}

// TestNothingIsDeletedWhileTheStoredCheckpointIsUnreadable because it may name what the run
// has written.
func TestNothingIsDeletedWhileTheStoredCheckpointIsUnreadable(t *testing.T) {
	spoil := func(t *testing.T, f *fixture) error {
		if err := edit(t, f.state, checkpointKey("new"), replaceBy("{")); err != nil {
			return err
		}
		return conflict(t, f)
	}
	injection{at: calls("swap", "checkpoint.json"), replyLost: true, do: spoil}.atEachCall(t, func(t *testing.T, f *fixture, i *interceptor) {
		if _, _, err := f.slices(t, f.intercepted(i), snapshot.Input{Run: "new"}, sliceLimit(1)); err != nil {
			wantError(t, err, "State.Invalid")
		}
		if len(containing(f.memory.Keys(), "/run=new/part-")) == 0 || len(f.stateKeys(t, "/run=new/ids-")) == 0 {
			t.Errorf("of %v and %v something was deleted", f.memory.Keys(), f.stateKeys(t, ""))
		}
	})
}

// TestTwoInvocationsOfOneSliceAnswerTheSame has another invocation do the slice at each call
// of the first: one that completes the list, or one that parks.
func TestTwoInvocationsOfOneSliceAnswerTheSame(t *testing.T) {
	in := snapshot.Input{Run: "new"}
	for _, limit := range []time.Duration{noLimit, sliceLimit(1)} {
		var other *snapshot.Result
		invoke := func(t *testing.T, f *fixture) (err error) {
			other, err = f.slice(t, f.buffered(), in, limit)
			return err
		}
		injection{do: invoke}.atEachCall(t, func(t *testing.T, f *fixture, i *interceptor) {
			other = nil
			mine, err := f.slice(t, f.intercepted(i), in, noLimit)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(mine, other); other != nil && diff != "" {
				t.Errorf("the invocations answer differently:\n%s", diff)
			}
			f.retry(t, f.buffered(), in, noLimit)
			f.wantOnlyNamedParts(t, f.wantPublished(t, "new"))
		})
	}
}
