package changes_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// measured runs the feed, and returns its figures but for the pages.
func (f *fixture) measured(t *testing.T, limit time.Duration) (map[telemetry.Metric]float64, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	ctx, all := telemetry.Measure(ctx, telemetry.JobChanges)
	_, err := f.feed().Run(ctx, changes.Input{})
	figures := all.Values()
	if figures[telemetry.Pages] == 0 {
		t.Errorf("there are no pages: %v", figures)
	}
	delete(figures, telemetry.Pages)
	return figures, err
}

func (f *fixture) wantFigures(t *testing.T, what string, want map[telemetry.Metric]float64) {
	t.Helper()
	got, err := f.measured(t, time.Hour)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%s: %v, -want +got\n%s", what, err, diff)
	}
}

func TestEachRunHasTheFiguresThatItKnows(t *testing.T) {
	bubble(t, simulator.Config{Users: 100}, func(t *testing.T, f *fixture) {
		f.wantFigures(t, "the first run", map[telemetry.Metric]float64{telemetry.Users: 100, telemetry.Passes: 1, telemetry.Events: 0, telemetry.Drift: 0})
		f.wantFigures(t, "a quiet round", map[telemetry.Metric]float64{telemetry.Users: 100, telemetry.Events: 0})

		must(t, f.tenant.SetDepartment(1, "X"), f.tenant.SetDepartment(2, "X"), f.tenant.Delete(3))
		f.buses = append(f.buses, &fakeBus{down: errors.New("down")})
		if got, err := f.measured(t, time.Hour); err == nil || len(got) != 0 {
			t.Errorf("what one of two buses has got is published: %v, %v", got, err)
		}
		f.buses = f.buses[:1]
		f.wantFigures(t, "a round", map[telemetry.Metric]float64{telemetry.Users: 99, telemetry.Events: 3})
	})
}

func TestAComparisonHasItsRepairsAmongTheFigures(t *testing.T) {
	bubble(t, simulator.Config{Users: 100}, func(t *testing.T, f *fixture) {
		f.reconcile = 24 * time.Hour
		f.run(t, changes.Input{})
		f.addFault(t, "delta-drop:3x1")
		must(t, f.tenant.Delete(4), f.tenant.SetDepartment(5, "X"))
		f.run(t, changes.Input{})
		must(t, f.tenant.SetDepartment(6, "X"))
		f.run(t, changes.Input{})
		time.Sleep(25 * time.Hour)
		must(t, f.tenant.SetDepartment(7, "X"))
		f.wantFigures(t, "a comparison", map[telemetry.Metric]float64{telemetry.Users: 99, telemetry.Passes: 1, telemetry.Events: 2, telemetry.Drift: 1})
	})
}

func TestAComparisonThatIsParkedHasNoFigureOfUsers(t *testing.T) {
	bubble(t, slow(400), func(t *testing.T, f *fixture) {
		f.request.PageSize = 50
		got, err := f.measured(t, 10*time.Second)
		if diff := cmp.Diff(map[telemetry.Metric]float64{}, got); err != nil || diff != "" || f.parked(t) == "" {
			t.Errorf("%v, parked %q, %s", err, f.parked(t), diff)
		}
	})
}
