package snapshots_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

func TestARunPastTheTimeLimitContinuesInFurtherSlices(t *testing.T) {
	d := deploy(t, "slices", simulator.Config{Users: 6000, Latency: 500 * time.Millisecond}, "ROLLCALL_PAGE_SIZE=150", "ROLLCALL_PARALLEL=1")
	d.timeout = 9 * time.Second
	d.start()
	result, slices := d.complete(snapshot.Input{Run: "2026-11-22T02:15:00Z"})
	if slices < 3 {
		t.Errorf("it took %d slices, want at least 3", slices)
	}
	if result.Users != 6000 || !result.Verified || result.Run != "2026-11-22T021500Z" || !strings.HasSuffix(result.Manifest, "/manifest.json") {
		t.Errorf("the result is %+v", result)
	}
	d.wantEverywhere("2026-11-22T021500Z", present(d.tenant, 6000, nil))
	repeated, _ := d.complete(snapshot.Input{Run: "2026-11-22T02:15:00Z"})
	if repeated.Users != result.Users || repeated.Manifest != result.Manifest {
		t.Errorf("repeated it answers %+v", repeated)
	}
}

func TestPartitionsAreOneExactList(t *testing.T) {
	d := deploy(t, "partitions", simulator.Config{Users: 9000, Latency: 20 * time.Millisecond}, "ROLLCALL_PAGE_SIZE=200", "ROLLCALL_PARALLEL=8")
	d.start()
	result, _ := d.complete(snapshot.Input{Run: "r"})
	if result.Users != 9000 || !result.Verified {
		t.Errorf("the result is %+v", result)
	}
	d.wantEverywhere("r", present(d.tenant, 9000, nil))
}

func TestASuspectRunIsPublishedOnlyOnceItIsAccepted(t *testing.T) {
	d := deploy(t, "suspect", simulator.Config{Users: 1000})
	d.start()
	d.complete(snapshot.Input{Run: "monday"})
	gone := map[int]bool{}
	for i := range 500 {
		gone[i] = true
		if err := d.tenant.Delete(i); err != nil {
			t.Fatal(err)
		}
	}
	_, answer, err := d.invoke(snapshot.Input{Run: "tuesday"})
	if err == nil || answer.ErrorType != "Snapshot.Suspect" || !strings.Contains(answer.ErrorMessage, "500 of the 1000 users") {
		t.Fatalf("it answers %v", err)
	}
	d.wantEverywhere("monday", present(d.tenant, 1000, nil))
	d.complete(snapshot.Input{Accept: "tuesday"})
	d.wantEverywhere("tuesday", present(d.tenant, 1000, gone))
}

func TestAnInvalidEventIsRefused(t *testing.T) {
	d := deploy(t, "events", simulator.Config{Users: 10})
	d.start()
	for _, in := range []snapshot.Input{{Run: "a/b"}, {Resume: "a"}, {Resume: "a.7"}, {Tenant: "none"}, {Accept: "nobody"}} {
		_, answer, err := d.invoke(in)
		if err == nil || answer.ErrorType != "Request.Invalid" {
			t.Errorf("%+v answers %v", in, err)
		}
	}
}

func TestARunWithoutANameIsNamedByItsRequest(t *testing.T) {
	d := deploy(t, "unnamed", simulator.Config{Users: 10})
	d.start()
	result, _ := d.complete(snapshot.Input{})
	// The time, and the GUID that Lambda gives a request.
	if name := regexp.MustCompile(`^\d{8}T\d{6}Z-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`); !name.MatchString(result.Run) {
		t.Errorf("the run is %s", result.Run)
	}
}
