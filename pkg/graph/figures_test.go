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
