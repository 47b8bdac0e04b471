package snapshot_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// TestALostPageOfALargeTenantIsNotPublished loses one page of two hundred in
// silence, in the middle, at the end and in a range: that is more than any slack.
func TestALostPageOfALargeTenantIsNotPublished(t *testing.T) {
	for _, c := range []struct {
		fault    string
		parallel int
	}{{"lost-page:100", 1}, {"early-end:199", 1}, {"lost-page:20", 8}} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, simulator.Config{Users: 20_000, Faults: listtest.Faults(t, c.fault)})
			w.request.Parallel = c.parallel
			w.request.Columns = listtest.Columns("id")
			w.request.Slack = tolerance.Tolerance{Share: 1} // as careless as can be
			s := w.buffered()
			s.Destinations[0].PartSize = 4 << 20
			_, _, err := w.slices(t.Context(), s, snapshot.Input{Run: "r"}, time.Hour)
			mustBeCalled(t, err, "Snapshot.Incomplete")
			for _, key := range append(w.kept.Keys(), w.stateKeys()...) {
				t.Errorf("%s is there", key)
			}
		})
	}
}

func TestATenantThatDoesNotCountIsPublishedUnverified(t *testing.T) {
	for _, parallel := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, simulator.Config{Users: 1000, Latency: time.Second, Faults: listtest.Faults(t, "count-refused")})
			w.request.Parallel = parallel
			asked, _, err := w.slices(t.Context(), w.snapshot(), snapshot.Input{Run: "r"}, 6*time.Second)
			if err != nil || sliceOf(asked) < 2 {
				t.Fatalf("%+v, %v", asked, err)
			}
			m := w.mustHold(t, "r")
			if m.Verified || m.Expected != nil || len(m.Warnings) != 1 || !strings.Contains(m.Warnings[0], "could not be verified") {
				t.Errorf("%+v", m)
			}
		})
	}
}

func TestACountThatIsThrottledToTheEndIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		w.tenant.AddFault(simulator.Fault{Name: "count-throttled"})
		_, _, err := w.slices(t.Context(), w.snapshot(), snapshot.Input{Run: "new"}, time.Hour)
		mustBeCalled(t, err, "Graph.Throttled")
		if m, _ := w.latest(t); m.Run != "old" {
			t.Errorf("latest is run %s", m.Run)
		}
	})
}

// TestATenantCannotTakeItsCountBack refuses the count once the list has begun, also
// when that was in another slice.
func TestATenantCannotTakeItsCountBack(t *testing.T) {
	for _, limit := range []time.Duration{time.Hour, sliceLimit(1)} {
		synctest.Test(t, func(t *testing.T) {
			w := small(t)
			if limit < time.Hour {
				if _, err := w.slice(t, w.snapshot(), snapshot.Input{Run: "new"}, limit); err != nil {
					t.Fatal(err)
				}
				w.tenant.AddFault(simulator.Fault{Name: "count-refused"})
			} else {
				time.AfterFunc(3*time.Second, func() { w.tenant.AddFault(simulator.Fault{Name: "count-refused"}) })
			}
			_, _, err := w.slices(t.Context(), w.snapshot(), snapshot.Input{Run: "new"}, time.Hour)
			mustBeCalled(t, err, "Snapshot.Incomplete")
		})
	}
}

// TestAListWithinTheSlackSaysSo reads one that was divided again as one chain
// before.
func TestAListWithinTheSlackSaysSo(t *testing.T) {
	for parallel, passes := range map[int]int{1: 1, 4: 2} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, simulator.Config{Users: 1000, Count: func(request, truth int) int { return truth + 1 }})
			w.request.Parallel, w.request.Slack = parallel, tolerance.Tolerance{Users: 5}
			w.publish(t, "r")
			m := w.mustHold(t, "r")
			if m.Verified || m.Difference != -1 || m.Expected.After != 1001 || len(m.Warnings) != 1 {
				t.Errorf("%+v", m)
			}
			if m.Passes != passes {
				t.Errorf("%d passes, want %d", m.Passes, passes)
			}
		})
	}
}

// TestAClockThatRunsAheadHoldsLaterRunsBack until it is later everywhere; nothing
// goes back and the tables agree.
func TestAClockThatRunsAheadHoldsLaterRunsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		if _, err := w.slice(t, w.snapshot(), snapshot.Input{Run: "ahead"}, sliceLimit(1)); err != nil {
			t.Fatal(err)
		}
		tomorrow := time.Now().UTC().Add(30 * time.Hour)
		w.replace(t, w.state, "tenant="+tenantID+"/run=ahead/checkpoint.json", edited("startedAt", tomorrow))
		w.again(t, w.snapshot(), snapshot.Input{Resume: "ahead.2"}, time.Hour)
		m := w.mustHold(t, "ahead")
		if !m.StartedAt.Equal(tomorrow) {
			t.Fatalf("%+v", m)
		}
		time.Sleep(time.Hour)
		w.change(t, 1)
		result, _, err := w.run(t.Context(), snapshot.Input{Run: "behind"}, 0)
		if err != nil || result.Status != snapshot.Complete || result.Superseded != "ahead" || w.told("behind") {
			t.Errorf("%+v, %v", result, err)
		}
		if !strings.Contains(w.log.String(), `"level":"WARN","msg":"a newer run is the latest one already`) {
			t.Error("nobody is warned")
		}
		if m, _ := w.latest(t); m.Run != "ahead" {
			t.Errorf("latest is run %s", m.Run)
		}
		for _, table := range []string{"users/tenant=" + tenantID, "history/tenant=" + tenantID + "/date=" + tomorrow.Format(time.DateOnly)} {
			if _, text := w.table(t, table+"/symlink.txt"); !strings.Contains(text, "run=ahead/") || strings.Contains(text, "behind") {
				t.Errorf("%s leads to\n%s", table, text)
			}
		}
		time.Sleep(48 * time.Hour)
		w.publish(t, "later")
		w.mustHold(t, "later")
	})
}
