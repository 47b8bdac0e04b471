package snapshot_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// suspect makes a run of which half of the users have left.
func (f *fixture) suspect(t *testing.T, run string) {
	t.Helper()
	f.deleteUsers(t, 0, smallTenant/2)
	f.fail(t, f.snapshot(), snapshot.Input{Run: run}, noLimit, "Snapshot.Suspect")
	time.Sleep(time.Minute)
}

func accept(t *testing.T, f *fixture) error {
	t.Helper()
	_, err := f.snapshot().Run(t.Context(), snapshot.Input{Accept: "new"})
	return err
}

func TestASuspectRunStaysUnpublishedUntilItIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		f.deleteUsers(t, 0, smallTenant/2)
		for range 2 {
			f.fail(t, f.snapshot(), snapshot.Input{Run: "new"}, noLimit, "Snapshot.Suspect")
			f.wantLatest(t, "old", smallTenant)
			if f.announced("new") {
				t.Error("a suspect list was announced")
			}
		}
		if err := accept(t, f); err != nil {
			t.Fatal(err)
		}
		if m := f.wantPublished(t, "new"); !m.Accepted || len(m.Suspicions) == 0 || m.Leavers != smallTenant/2 || !f.announced("new") {
			t.Errorf("%+v", m)
		}
		time.Sleep(24 * time.Hour)
		f.publish(t, "next") // those who left are no leavers any more
	})
}

func TestOnlyASuspectRunCanBeAcceptedAndOnlyWhileItIsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		fail := func(in snapshot.Input, name string) {
			t.Helper()
			f.fail(t, f.snapshot(), in, noLimit, name)
		}
		fail(snapshot.Input{Accept: "old"}, "Request.Invalid")
		fail(snapshot.Input{Accept: "never"}, "Request.Invalid")
		f.park(t, f.snapshot(), "parked", sliceLimit(1))
		fail(snapshot.Input{Accept: "parked"}, "Request.Invalid")
		f.suspect(t, "new")
		fail(snapshot.Input{Run: "newer"}, "Snapshot.Suspect")
		f.complete(t, f.snapshot(), snapshot.Input{Accept: "newer"}, noLimit)
		f.wantPublished(t, "newer")
		events := len(f.bus.events)
		f.complete(t, f.snapshot(), snapshot.Input{Accept: "newer"}, noLimit)
		if len(f.bus.events) != events {
			t.Error("it was announced twice")
		}
		fail(snapshot.Input{Accept: "new"}, "State.Conflict")
		fail(snapshot.Input{Run: "new"}, "Snapshot.Suspect")
		f.wantPublished(t, "newer")
	})
}

func TestARunAcceptedWhileItIsFoundSuspectStaysAccepted(t *testing.T) {
	accepted := false
	do := func(t *testing.T, f *fixture) error {
		accepted = true
		return accept(t, f)
	}
	injection{do: do}.atEachCall(t, func(t *testing.T, f *fixture, i *interceptor) {
		f.suspect(t, "new")
		accepted = false
		_, err := f.intercepted(i).Run(t.Context(), snapshot.Input{Run: "new"})
		if !accepted {
			wantError(t, err, "Snapshot.Suspect")
			return
		}
		if m := f.wantPublished(t, "new"); !m.Accepted || len(m.Suspicions) == 0 {
			t.Errorf("%+v", m)
		}
	})
}

func TestARunAcceptedTwiceAtOnceIsPublished(t *testing.T) {
	injection{do: accept}.atEachCall(t, func(t *testing.T, f *fixture, i *interceptor) {
		f.suspect(t, "new")
		if _, err := f.intercepted(i).Run(t.Context(), snapshot.Input{Accept: "new"}); err != nil {
			wantError(t, err, "State.Conflict")
		}
		f.wantPublished(t, "new")
	})
}

func TestARunAcceptedTooLateIsNotPublishedOverANewerOne(t *testing.T) {
	overtaken := false
	overtake := func(t *testing.T, f *fixture) error {
		overtaken = true
		f.maxLeavers = tolerance.Tolerance{Users: smallTenant}
		f.publish(t, "newer")
		return nil
	}
	injection{do: overtake}.atEachCall(t, func(t *testing.T, f *fixture, i *interceptor) {
		f.suspect(t, "new")
		overtaken = false
		if _, err := f.intercepted(i).Run(t.Context(), snapshot.Input{Accept: "new"}); err != nil {
			wantError(t, err, "State.Conflict")
		}
		if overtaken {
			f.wantPublished(t, "newer")
		} else {
			f.wantPublished(t, "new")
		}
	})
}
