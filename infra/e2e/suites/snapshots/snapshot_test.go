package snapshots

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

func TestARunPastTheTimeLimitGoesOnInFurtherSlices(t *testing.T) {
	w := newWorld(t, "slices", simulator.Config{Users: 6000, Latency: 500 * time.Millisecond}, "ROLLCALL_PAGE_SIZE=150")
	w.timeout = 9 * time.Second
	w.start()
	result, slices := w.complete(snapshot.Input{Run: "2026-11-22T02:15:00Z"})
	if slices < 3 {
		t.Errorf("it took %d slices, want at least 3", slices)
	}
	if result.Users != 6000 || !result.Verified || result.Run != "2026-11-22T021500Z" || !strings.HasSuffix(result.Manifest, "/manifest.json") {
		t.Errorf("the result is %+v", result)
	}
	w.wantEverywhere("2026-11-22T021500Z", present(w.tenant, 6000, nil))
	again, _ := w.complete(snapshot.Input{Run: "2026-11-22T02:15:00Z"})
	if again.Users != result.Users || again.Manifest != result.Manifest {
		t.Errorf("asked again it answers %+v", again)
	}
}

func TestRangesSideBySideArePublishedExactly(t *testing.T) {
	w := newWorld(t, "ranges", simulator.Config{Users: 9000, Latency: 20 * time.Millisecond}, "ROLLCALL_PAGE_SIZE=200", "ROLLCALL_PARALLEL=8")
	w.start()
	result, _ := w.complete(snapshot.Input{Run: "r"})
	if result.Users != 9000 || !result.Verified {
		t.Errorf("the result is %+v", result)
	}
	w.wantEverywhere("r", present(w.tenant, 9000, nil))
}

func TestASuspectRunIsPublishedOnlyOnceItIsAccepted(t *testing.T) {
	w := newWorld(t, "suspect", simulator.Config{Users: 1000})
	w.start()
	w.complete(snapshot.Input{Run: "monday"})
	gone := map[int]bool{}
	for i := range 500 {
		gone[i] = true
		if err := w.tenant.Delete(i); err != nil {
			t.Fatal(err)
		}
	}
	_, answer, err := w.invoke(snapshot.Input{Run: "tuesday"})
	if err == nil || answer.ErrorType != "Snapshot.Suspect" || !strings.Contains(answer.ErrorMessage, "500 of the 1000 users") {
		t.Fatalf("it answers %v", err)
	}
	w.wantEverywhere("monday", present(w.tenant, 1000, nil))
	w.complete(snapshot.Input{Accept: "tuesday"})
	w.wantEverywhere("tuesday", present(w.tenant, 1000, gone))
}

func TestAnEventThatIsNotUnderstoodIsRefused(t *testing.T) {
	w := newWorld(t, "events", simulator.Config{Users: 10})
	w.start()
	for _, in := range []snapshot.Input{{Run: "a/b"}, {Resume: "a"}, {Resume: "a.7"}, {Tenant: "none"}, {Accept: "nobody"}} {
		_, answer, err := w.invoke(in)
		if err == nil || answer.ErrorType != "Request.Invalid" {
			t.Errorf("%+v answers %v", in, err)
		}
	}
}

func TestARunWithoutANameIsNamedByItsRequest(t *testing.T) {
	w := newWorld(t, "unnamed", simulator.Config{Users: 10})
	w.start()
	result, _ := w.complete(snapshot.Input{})
	// The time, and the GUID that Lambda gives a request.
	if name := regexp.MustCompile(`^\d{8}T\d{6}Z-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`); !name.MatchString(result.Run) {
		t.Errorf("the run is %s", result.Run)
	}
}
