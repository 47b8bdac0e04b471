package snapshot_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// TestALargeListThatLosesAPageIsNotPublished loses one of two hundred pages, without an
// error: in the middle, at the end and in a partition. That is more than any slack.
func TestALargeListThatLosesAPageIsNotPublished(t *testing.T) {
	for _, c := range []struct {
		fault    string
		parallel int
	}{{"lost-page:100", 1}, {"early-end:199", 1}, {"lost-page:20", 8}} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, simulator.Config{Users: 20_000, Faults: listtest.Faults(t, c.fault)})
			f.request.Parallel, f.request.Columns = c.parallel, listtest.Columns("id")
			f.request.Slack = tolerance.Tolerance{Share: 1} // the largest there is
			s := f.buffered()
			s.Destinations[0].PartSize = 4 << 20
			f.fail(t, s, snapshot.Input{Run: "r"}, noLimit, "Snapshot.Incomplete")
			if keys := append(f.memory.Keys(), f.stateKeys(t, "")...); len(keys) > 0 {
				t.Errorf("it left %v", keys)
			}
		})
	}
}

func TestTheListOfATenantThatDoesNotCountIsPublishedUnverified(t *testing.T) {
	for _, parallel := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, simulator.Config{Users: 1000, Latency: time.Second, Faults: listtest.Faults(t, "count-refused", "delta-refused")})
			f.request.Parallel = parallel
			asked, _, err := f.slices(t, f.snapshot(), snapshot.Input{Run: "r"}, 6*time.Second)
			if err != nil || sliceNumber(asked) < 2 {
				t.Fatalf("at %+v: %v", asked, err)
			}
			m := f.wantPublished(t, "r")
			if m.Verified || m.Expected != nil || len(m.Warnings) != 1 || !strings.Contains(m.Warnings[0], "could not be verified") {
				t.Errorf("%+v", m)
			}
		})
	}
}

func TestACountThatIsThrottledForeverFailsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		f.addFault(t, "count-throttled")
		f.fail(t, f.snapshot(), snapshot.Input{Run: "new"}, noLimit, "Graph.Throttled")
		f.wantLatest(t, "old", smallTenant)
	})
}

// TestATenantThatHasCountedCannotStopCounting has it refuse to once the list has begun, also
// if that was in an earlier slice.
func TestATenantThatHasCountedCannotStopCounting(t *testing.T) {
	t.Run("within a slice", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newPublishedFixture(t)
			f.addFault(t, "delta-refused") // otherwise nothing may refuse to count
			time.AfterFunc(6*time.Second, func() { f.addFault(t, "count-refused") })
			f.fail(t, f.snapshot(), snapshot.Input{Run: "new"}, noLimit, "Snapshot.Incomplete")
		})
	})
	t.Run("between slices", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			f := newPublishedFixture(t)
			f.addFault(t, "delta-refused")
			f.park(t, f.snapshot(), "new", sliceLimit(1))
			f.addFault(t, "count-refused")
			f.fail(t, f.snapshot(), snapshot.Input{Resume: "new.2"}, noLimit, "Snapshot.Incomplete")
		})
	})
}

// TestAListWithinTheSlackSaysSo and, if it was read in partitions, which get none, is
// verified by a second reading instead.
func TestAListWithinTheSlackSaysSo(t *testing.T) {
	for parallel, verifiedBy := range map[int]string{1: "", 4: list.BySecondReading} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, simulator.Config{Users: 1000, Count: func(_, truth int) int { return truth + 1 }})
			f.request.Parallel, f.request.Slack = parallel, tolerance.Tolerance{Users: 5}
			f.publish(t, "r")
			m := f.wantPublished(t, "r")
			if m.Verified != (parallel > 1) || m.VerifiedBy != verifiedBy || !m.Fenced || m.Difference != -1 || m.Expected.After != 1001 || (len(m.Warnings) == 1) == m.Verified {
				t.Errorf("%+v, want it verified by %q", m, verifiedBy)
			}
		})
	}
}

// TestACountThatCatchesUpLaterProvesTheListInTheNextSlice parks after the last page and before a recount.
func TestACountThatCatchesUpLaterProvesTheListInTheNextSlice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 500, Count: func(request, truth int) int {
			if request < 3 {
				return truth - 60
			}
			return truth
		}})
		first := f.park(t, f.buffered(), "r", 4*time.Second)
		if first.Users != 500 || first.Verified {
			t.Fatalf("%+v", first)
		}
		f.tenant.ForgetRequests()
		last, err := f.slice(t, f.buffered(), snapshot.Input{Resume: first.Resume}, time.Minute)
		if err != nil || !last.Verified {
			t.Fatalf("%+v, %v", last, err)
		}
		for _, q := range f.tenant.Requests() {
			if q.Kind == "list" {
				t.Error("the list was read another time")
			}
		}
		f.wantPublished(t, "r")
	})
}

// TestAListThatNeverAgreesWithTheCountEnds also if each slice is too short for a recount. In
// neither order has it all its pages.
func TestAListThatNeverAgreesWithTheCountEnds(t *testing.T) {
	for _, limit := range []time.Duration{4 * time.Second, 30 * time.Second, noLimit} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, simulator.Config{Users: 550, Faults: listtest.Faults(t, "early-end:5")})
			asked, _, err := f.slices(t, f.buffered(), snapshot.Input{Run: "r"}, limit)
			wantError(t, err, "Snapshot.Incomplete")
			if sliceNumber(asked) > 5 {
				t.Errorf("it took %d slices", sliceNumber(asked))
			}
			if m, _ := f.latest(t); m != nil {
				t.Errorf("%+v was published", m)
			}
		})
	}
}
