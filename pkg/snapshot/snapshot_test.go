package snapshot_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

func TestASnapshotIsPublishedWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 1234})
		result, _, err := w.run(t.Context(), snapshot.Input{Run: "2026-11-22T02:15:00Z"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		m := w.mustHold(t, "2026-11-22T021500Z")
		if !m.Verified || m.Expected == nil || m.Expected.After != 1234 || len(m.Objects) < 2 || m.Passes != 1 {
			t.Errorf("the manifest says %+v", m)
		}
		if result.Users != 1234 || result.Status != snapshot.Complete || !result.Verified || result.Manifest == "" {
			t.Errorf("the result is %+v", result)
		}
		if len(w.box.events) != 1 || w.box.events[0].Type != snapshot.EventCompleted {
			t.Errorf("the bus got %+v", w.box.events)
		}
	})
}

func TestADeadlineIsNotAFailure(t *testing.T) {
	for _, parallel := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, simulator.Config{Users: 5000, Latency: time.Second})
			w.request.Parallel = parallel
			w.each = true
			limit := 20 * time.Second / time.Duration(parallel) * 2
			_, slices, err := w.run(t.Context(), snapshot.Input{Run: "r"}, limit)
			if err != nil {
				t.Fatal(err)
			}
			if slices < 2 {
				t.Errorf("it took %d slices", slices)
			}
			t.Logf("%d slices", slices)
			m := w.mustHold(t, "r")
			if m.Duplicates > 3 || m.Pages < 50 {
				t.Errorf("%+v", m)
			}
			listed := map[string]bool{}
			for _, e := range w.box.events {
				if e.Type == snapshot.EventListed {
					listed[e.Subject] = true
				}
			}
			w.mustBeTheTenant(t, listed)
		})
	}
}

func TestWhatWasAskedBeforeIsAnsweredAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 3000, Latency: time.Second})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		first, err := w.snapshot().Run(ctx, snapshot.Input{Run: "r"})
		if err != nil || first.Status != snapshot.Continue {
			t.Fatalf("%+v, %v", first, err)
		}
		again, err := w.snapshot().Run(t.Context(), snapshot.Input{Run: "r"})
		if err != nil || *again.Expected != *first.Expected || again.Resume != first.Resume || again.Users != first.Users {
			t.Errorf("the first slice answers %+v again as %+v, %v", first, again, err)
		}
		done, _, err := w.run(t.Context(), snapshot.Input{Resume: first.Resume}, 0)
		if err != nil {
			t.Fatal(err)
		}
		asked := len(w.tenant.Requests())
		for _, in := range []snapshot.Input{{Run: "r"}, {Resume: "r.2"}} {
			again, err = w.snapshot().Run(t.Context(), in)
			if err != nil || again.Users != done.Users || again.Manifest != done.Manifest || again.Status != snapshot.Complete {
				t.Errorf("the run answers %+v again as %+v, %v", done, again, err)
			}
		}
		if len(w.tenant.Requests()) != asked || len(w.box.events) != 1 {
			t.Errorf("a run that was done asked Graph, or told the bus again")
		}
		_, err = w.snapshot().Run(t.Context(), snapshot.Input{Resume: "r.4"})
		mustBeCalled(t, err, "Request.Invalid")
	})
}

func TestALostPageTokenDiscardsWhatTheRunHasWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 4000, Latency: time.Second, Faults: listtest.Faults(t, "expired-token:30")})
		_, slices, err := w.run(t.Context(), snapshot.Input{Run: "r"}, 20*time.Second)
		if err != nil || slices < 3 {
			t.Fatalf("%d slices, %v", slices, err)
		}
		m := w.mustHold(t, "r")
		if m.Passes != 2 {
			t.Errorf("%d passes", m.Passes)
		}
		parts := slicesOf(w.kept.Keys(), "part-")
		if len(parts) != len(m.Objects) {
			t.Errorf("%d objects are stored, %d are named", len(parts), len(m.Objects))
		}
	})
}

func slicesOf(keys []string, part string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool { return !strings.Contains(key, part) })
}

func TestTooManyLeaversHoldAListBackUntilItIsAccepted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 2000})
		if _, _, err := w.run(t.Context(), snapshot.Input{Run: "monday"}, 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		for i := range 1000 {
			if err := w.tenant.Delete(i); err != nil {
				t.Fatal(err)
			}
		}
		_, _, err := w.run(t.Context(), snapshot.Input{Run: "tuesday"}, 0)
		mustBeCalled(t, err, "Snapshot.Suspect")
		if m, ids := w.latest(t); m.Run != "monday" || len(ids) != 2000 {
			t.Errorf("latest is %s with %d users", m.Run, len(ids))
		}
		_, _, err = w.run(t.Context(), snapshot.Input{Run: "tuesday"}, 0)
		mustBeCalled(t, err, "Snapshot.Suspect")
		if _, err = w.snapshot().Run(t.Context(), snapshot.Input{Accept: "tuesday"}); err != nil {
			t.Fatal(err)
		}
		if m := w.mustHold(t, "tuesday"); !m.Accepted || len(m.Suspicions) == 0 || m.Leavers != 1000 {
			t.Errorf("%+v", m)
		}
		time.Sleep(24 * time.Hour)
		if _, _, err = w.run(t.Context(), snapshot.Input{Run: "wednesday"}, 0); err != nil {
			t.Errorf("what was accepted is suspect again: %v", err)
		}
	})
}
