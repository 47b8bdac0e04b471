package snapshot_test

import (
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// suspect is a run of a tenant of which half has left.
func (w *world) suspect(t *testing.T, run string) {
	t.Helper()
	for i := range killUsers / 2 {
		if err := w.tenant.Delete(i); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := w.run(t.Context(), snapshot.Input{Run: run}, 0)
	mustBeCalled(t, err, "Snapshot.Suspect")
	time.Sleep(time.Minute)
}

func accept(t *testing.T, w *world) error {
	_, err := w.snapshot().Run(t.Context(), snapshot.Input{Accept: "new"})
	return err
}

func TestASuspectRunThatIsAcceptedMeanwhileIsNotTakenBack(t *testing.T) {
	accepted := false
	do := func(t *testing.T, w *world) error {
		accepted = true
		return accept(t, w)
	}
	strike{do: do}.atEachCall(t, func(t *testing.T, w *world, p *plug) {
		w.suspect(t, "new")
		accepted = false
		_, err := w.plugged(p).Run(t.Context(), snapshot.Input{Run: "new"})
		if !accepted {
			mustBeCalled(t, err, "Snapshot.Suspect")
			return
		}
		if m := w.mustHold(t, "new"); !m.Accepted || len(m.Suspicions) == 0 {
			t.Errorf("%+v", m)
		}
	})
}

func TestTwoWhoAcceptARunPublishItOnce(t *testing.T) {
	strike{do: accept}.atEachCall(t, func(t *testing.T, w *world, p *plug) {
		w.suspect(t, "new")
		if _, err := w.plugged(p).Run(t.Context(), snapshot.Input{Accept: "new"}); err != nil {
			mustBeCalled(t, err, "State.Conflict")
		}
		w.mustHold(t, "new")
	})
}

func TestARunThatIsAcceptedTooLateStaysBehind(t *testing.T) {
	overtaken := false
	overtake := func(t *testing.T, w *world) error {
		overtaken = true
		w.leavers = tolerance.Tolerance{Users: killUsers}
		w.publish(t, "newer")
		return nil
	}
	strike{do: overtake}.atEachCall(t, func(t *testing.T, w *world, p *plug) {
		w.suspect(t, "new")
		overtaken = false
		if _, err := w.plugged(p).Run(t.Context(), snapshot.Input{Accept: "new"}); err != nil {
			mustBeCalled(t, err, "State.Conflict")
		}
		if overtaken {
			w.mustHold(t, "newer")
		} else {
			w.mustHold(t, "new")
		}
	})
}
