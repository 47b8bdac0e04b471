package graph_test

import (
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

func TestPagesRetriesAndRefusalsAreObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 300, Faults: []simulator.Fault{fault(t, "429-seconds:1x2"), fault(t, "503:2"), fault(t, "truncate:3")}})
		client := newClient(t, tenant, tenant.Transport())
		ctx, figures := telemetry.Measure(t.Context(), telemetry.JobUsers)
		if n, err := readAll(ctx, client.Pager(graph.Query{Top: 100})); n != 300 || err != nil {
			t.Fatalf("%d users, %v", n, err)
		}
		if _, err := client.Count(ctx, graph.Query{}, new(graph.Stats)); err != nil {
			t.Fatal(err)
		}
		want := map[telemetry.Metric]float64{telemetry.Pages: 3, telemetry.Retries: 4, telemetry.Throttled: 2}
		if diff := cmp.Diff(want, figures.Values()); diff != "" {
			t.Error(diff)
		}
	})
}

// What is counted in the report of a list is among the figures, wherever it is asked again.
func TestPartsOfBatchesAndRefusedTokensAreObserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 30, Faults: []simulator.Fault{fault(t, "batch-throttled"), fault(t, "401:1")}})
		client := newClient(t, tenant, tenant.Transport())
		ctx, figures := telemetry.Measure(t.Context(), telemetry.JobUsers)
		pager := client.Pager(graph.Query{Top: 100})
		if n, err := readAll(ctx, pager); n != 30 || err != nil {
			t.Fatalf("%d users, %v", n, err)
		}
		var stats graph.Stats
		if err := client.UsersByID(ctx, []string{tenant.ID(0), tenant.ID(1)}, graph.Query{}, &stats, func(graph.User) error { return nil }); err != nil {
			t.Fatal(err)
		}
		counted := map[telemetry.Metric]float64{
			telemetry.Pages: 1, telemetry.Retries: float64(pager.Stats.Retries() + stats.Retries()), telemetry.Throttled: float64(pager.Stats.Throttled() + stats.Throttled()),
		}
		if diff := cmp.Diff(counted, figures.Values()); diff != "" || pager.Stats.Retries() == 0 || stats.Throttled() == 0 {
			t.Errorf("%d and %d retries, %d throttled: %s", pager.Stats.Retries(), stats.Retries(), stats.Throttled(), diff)
		}
	})
}
