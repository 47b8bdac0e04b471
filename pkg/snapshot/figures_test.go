package snapshot_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// measured runs a slice, and returns its figures; of the pages and bytes only whether there
// are any.
func (f *fixture) measured(t *testing.T, in snapshot.Input, limit time.Duration) (figures map[telemetry.Metric]float64, result *snapshot.Result, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	ctx, all := telemetry.Measure(ctx, telemetry.JobSnapshot)
	result, err = f.snapshot().Run(ctx, in)
	figures = all.Values()
	for _, m := range []telemetry.Metric{telemetry.Pages, telemetry.Bytes} {
		if figures[m] > 0 {
			figures[m] = 1
		}
	}
	return figures, result, err
}

func wantFigures(t *testing.T, what string, got, want map[telemetry.Metric]float64) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: -want +got\n%s", what, diff)
	}
}

func TestEachSliceHasTheFiguresThatItKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		published := f.wantPublished(t, "old")
		age := func() float64 { return time.Since(published.StartedAt).Seconds() }

		got, parked, err := f.measured(t, snapshot.Input{Run: "new"}, sliceLimit(1))
		if err != nil || parked.Status != snapshot.Continue {
			t.Fatalf("%+v %v", parked, err)
		}
		wantFigures(t, "a slice that hands over", got, map[telemetry.Metric]float64{telemetry.Pages: 1, telemetry.LatestAge: age()})

		f.addFault(t, "429-seconds:11x2")
		began := time.Now()
		got, result, err := f.measured(t, snapshot.Input{Resume: parked.Resume}, noLimit)
		if err != nil || result.Status != snapshot.Complete {
			t.Fatalf("%+v %v", result, err)
		}
		if got[telemetry.LatestAge] < time.Since(began).Seconds() || got[telemetry.LatestAge] > 3600 {
			t.Errorf("the age of the list that was just published is %v s", got[telemetry.LatestAge])
		}
		delete(got, telemetry.LatestAge)
		wantFigures(t, "the last slice", got, map[telemetry.Metric]float64{
			telemetry.Users: smallTenant, telemetry.Pages: 1, telemetry.Passes: 1, telemetry.Bytes: 1, telemetry.Throttled: 2, telemetry.Retries: 2,
		})
	})
}

func TestAFailedRunHasTheAgeOfTheListThatReadersSee(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		published := f.wantPublished(t, "old")
		f.addFault(t, "500:1x10")
		got, _, err := f.measured(t, snapshot.Input{Run: "new"}, noLimit)
		if err == nil {
			t.Fatal("it did not fail")
		}
		wantFigures(t, "a failed run", got, map[telemetry.Metric]float64{
			telemetry.Pages: 1, telemetry.Passes: 1, telemetry.Retries: 9, telemetry.LatestAge: time.Since(published.StartedAt).Seconds(),
		})
		f.deleteUsers(t, 0, 100)
		got, _, err = f.measured(t, snapshot.Input{Run: "suspect"}, noLimit)
		wantError(t, err, "Snapshot.Suspect")
		if _, known := got[telemetry.Users]; known || got[telemetry.LatestAge] != time.Since(published.StartedAt).Seconds() {
			t.Errorf("a suspect run: %v", got)
		}
	})
}

func TestTheFirstRunHasNoAgeBeforeItIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newSmallFixture(t)
		f.setPartitions(1)
		got, result, err := f.measured(t, snapshot.Input{Run: "first"}, sliceLimit(1))
		if err != nil || result.Status != snapshot.Continue {
			t.Fatalf("%+v %v", result, err)
		}
		wantFigures(t, "the first slice", got, map[telemetry.Metric]float64{telemetry.Pages: 1})
	})
}

// TestAListOfTheFutureIsOld since no other is promoted over it.
func TestAListOfTheFutureIsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		future := time.Now().UTC().Add(30 * time.Hour)
		if err := edit(t, f.bucket, snapshot.LatestKey(tenantID), setMember("startedAt", future)); err != nil {
			t.Fatal(err)
		}
		got, result, err := f.measured(t, snapshot.Input{Run: "behind"}, noLimit)
		if err != nil || result.Superseded == "" {
			t.Fatalf("%+v %v", result, err)
		}
		if age := got[telemetry.LatestAge]; age != time.Until(future).Seconds() || got[telemetry.Users] != smallTenant {
			t.Errorf("%v", got)
		}
	})
}

func TestWithoutFiguresLatestIsNotReadForThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		reads := func(ctx context.Context) (n int) {
			at := f.bucket
			defer func() { f.bucket = at }()
			f.bucket = (&interceptor{before: func(op, key string) error {
				if op == "read" && key == snapshot.LatestKey(tenantID) {
					n++
				}
				return nil
			}}).store(at)
			if _, err := f.snapshot().Run(ctx, snapshot.Input{Run: "old"}); err != nil {
				t.Fatal(err)
			}
			return n
		}
		measured, _ := telemetry.Measure(t.Context(), telemetry.JobSnapshot)
		if without, with := reads(t.Context()), reads(measured); without != 0 || with != 1 {
			t.Errorf("read %d times without figures, %d times with them", without, with)
		}
	})
}
