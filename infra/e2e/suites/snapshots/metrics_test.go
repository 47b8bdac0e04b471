package snapshots_test

import (
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/emf"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// metrics are those of the present process, which ends: then all of its log is there.
func (d *deployment) metrics() []emf.Record {
	d.Helper()
	d.host.Close()
	return emf.Read(d.T, d.host.Output())
}

// TestEachSliceEndsWithItsMetrics though the function logs errors only: slices that hand over,
// the last one, one that is suspect and one whose list Graph does not let end.
func TestEachSliceEndsWithItsMetrics(t *testing.T) {
	d := deploy(t, "metrics", simulator.Config{Users: 900, Latency: 200 * time.Millisecond}, "ROLLCALL_PAGE_SIZE=100", "ROLLCALL_PARALLEL=1", "ROLLCALL_MAX_LEAVERS=10")
	d.timeout, d.level = 3*time.Second, "ERROR"
	d.start()
	result, slices := d.complete(snapshot.Input{Run: "monday"})
	all := d.metrics()
	if len(all) != slices || slices < 2 {
		t.Fatalf("%d records of %d slices", len(all), slices)
	}
	var pages, size float64
	for i, r := range all {
		pages += r.Metrics["Pages"]
		if r.Metrics["Failed"]+r.Metrics["Incomplete"]+r.Metrics["Suspect"] != 0 || r.Members["run"] != "monday" || r.Members["tenant"] != d.tenant.TenantID {
			t.Errorf("slice %d: %v", i+1, r.Members)
		}
		if _, known := r.Metrics["Users"]; known != (i == slices-1) {
			t.Errorf("slice %d of %d: %v", i+1, slices, r.Metrics)
		}
		if _, known := r.Metrics["LatestAge"]; known != (i == slices-1) { // there is no list before
			t.Errorf("slice %d of %d: %v", i+1, slices, r.Metrics)
		}
	}
	m, _ := d.latest()
	for _, o := range m.Objects {
		size += float64(o.Bytes)
	}
	last := all[slices-1].Metrics
	if last["Users"] != 900 || last["Bytes"] != size || last["Passes"] != 1 || last["LatestAge"] <= 0 || last["LatestAge"] > time.Since(m.StartedAt).Seconds() || int(pages) < result.Pages {
		t.Errorf("%v, %v pages", last, pages)
	}

	d.timeout = time.Minute
	for i := range 100 {
		if err := d.tenant.Delete(i); err != nil {
			t.Fatal(err)
		}
	}
	d.start()
	if _, answer, err := d.invoke(snapshot.Input{Run: "tuesday"}); err == nil || answer.ErrorType != "Snapshot.Suspect" {
		t.Fatalf("it answers %v", err)
	}
	d.tenant.AddFault(simulator.Fault{Name: "expired-token", Page: 2, Times: -1})
	if result, answer, err := d.invoke(snapshot.Input{Run: "wednesday"}); err == nil || answer.ErrorType != "Snapshot.Incomplete" {
		t.Fatalf("it answers %+v, %v", result, err)
	}
	if _, answer, err := d.invoke(snapshot.Input{Run: "a/b"}); err == nil || answer.ErrorType != "Request.Invalid" {
		t.Fatalf("it answers %v", err)
	}
	if all = d.metrics(); len(all) != 3 {
		t.Fatalf("%d records: %+v", len(all), all)
	}
	for i, want := range [][3]float64{{0, 0, 1}, {0, 1, 0}, {1, 0, 0}} {
		got := all[i].Metrics
		if got["Failed"] != want[0] || got["Incomplete"] != want[1] || got["Suspect"] != want[2] {
			t.Errorf("%v", got)
		}
		if _, known := got["Users"]; known {
			t.Errorf("%v", got)
		}
		if _, known := got["LatestAge"]; known != (i < 2) {
			t.Errorf("%v", got)
		}
	}
}
