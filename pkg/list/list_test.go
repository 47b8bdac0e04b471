package list_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// TestAListIsReadOnceAndNeverCompleteAfterwards stops within a list, or at its end, and
// reads the same list another time.
func TestAListIsReadOnceAndNeverCompleteAfterwards(t *testing.T) {
	const users = 1000
	for _, stop := range []int{250, 700, users + 1} {
		synctest.Test(t, func(t *testing.T) {
			l := list.New(listtest.Client(t, simulator.New(simulator.Config{Users: users}), graph.Config{}), listtest.Request(), nil)
			n := 0
			for _, err := range l.Users(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == stop {
					break
				}
			}
			if r := l.Report(); stop < users && (r.Verified || r.Expected != nil) {
				t.Errorf("a list of which %d users were read has a proof: %+v", n, r)
			}
			n, last := 0, error(nil)
			for _, err := range l.Users(t.Context()) {
				if last = err; err == nil {
					n++
				}
			}
			if last == nil || n > 0 {
				t.Errorf("stopped after %d users and read a second time, it delivers %d and ends with %v: %+v", stop, n, last, l.Report())
			}
		})
	}
}

// TestADeadlineIsTheCauseOfTheError even on the first page: by it a run that can be
// resumed tells a near deadline from a failure.
func TestADeadlineIsTheCauseOfTheError(t *testing.T) {
	for _, fault := range []string{"429-seconds:1x*", "count-throttled", "503-retry-after:1x*"} {
		t.Run(fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				r := read(t, ctx, simulator.Config{Users: 1000, Faults: listtest.Faults(t, fault)}, listtest.Request())
				if !errors.Is(r.err, context.DeadlineExceeded) {
					t.Errorf("the deadline is not the cause: %v", r.err)
				}
			})
		})
	}
}

func TestADeadlineWithinAListIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		r := read(t, ctx, simulator.Config{Users: 5000, Latency: 200 * time.Millisecond}, listtest.Request())
		r.wantError(t, "Graph.Unavailable")
		if !errors.Is(r.err, context.DeadlineExceeded) || r.report.Users == 0 || r.took > 3*time.Second {
			t.Errorf("%v after %v and %d users", r.err, r.took, r.report.Users)
		}
	})
}

// BenchmarkList reads a tenant to its proof and drops the users: what one user costs
// between the network and the writer.
func BenchmarkList(b *testing.B) {
	recorded := listtest.Record(b, 100_000)
	b.SetBytes(int64(recorded.Size()))
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range list.New(recorded.Client, recorded.Request, nil).Users(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	recorded.ReportPerUser(b)
}
