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

func TestEightPartitionsAreSixTimesAsFastWhereLatencyDominates(t *testing.T) {
	took := map[int]time.Duration{}
	for _, n := range []int{1, 8} {
		synctest.Test(t, func(t *testing.T) {
			r := read(t, t.Context(), simulator.Config{Users: 60_000, Latency: 300 * time.Millisecond}, listtest.Parallel(n))
			r.wantComplete(t, 60_000)
			took[n] = r.took
		})
	}
	ratio := float64(took[1]) / float64(took[8])
	t.Logf("one partition took %s, eight took %s: %.1f times as fast", took[1], took[8], ratio)
	if ratio < 6 {
		t.Error("want at least 6 times")
	}
}

// TestAnErrorInOnePartitionEndsAll with that error, not with one that it caused.
func TestAnErrorInOnePartitionEndsAll(t *testing.T) {
	for fault, want := range map[string]string{
		"403": "Graph.AccessDenied", "429-seconds:3x*": "Graph.Throttled", "500:2x*": "Graph.Unavailable",
		"reset:3x*": "Graph.Unavailable", "foreign-host:2": "Graph.Unavailable", "401:4x*": "Credentials.Rejected",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := read(t, t.Context(), simulator.Config{Users: 3000, Latency: 100 * time.Millisecond, Faults: listtest.Faults(t, fault)}, listtest.Parallel(4))
			r.wantError(t, want)
		})
	}
}

// newPartitioned prepares to list a tenant in four partitions.
func newPartitioned(t *testing.T, cfg simulator.Config) *list.List {
	t.Helper()
	return list.New(listtest.Client(t, simulator.New(cfg), graph.Config{}), listtest.Parallel(4), nil)
}

// TestTheCallerMayStopReadingPartitions stops early, and by a panic. A goroutine left
// running would fail the test.
func TestTheCallerMayStopReadingPartitions(t *testing.T) {
	cfg := simulator.Config{Users: 3000, Latency: 50 * time.Millisecond}
	for _, n := range []int{1, 99, 100, 101, 1500, 2999, 3000} {
		synctest.Test(t, func(t *testing.T) {
			l := newPartitioned(t, cfg)
			left := n
			for _, err := range l.Users(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if left--; left == 0 {
					break
				}
			}
			if l.Report().Verified {
				t.Error("a list that was not read to its end has a proof")
			}
		})
		synctest.Test(t, func(t *testing.T) {
			l := newPartitioned(t, cfg)
			defer func() {
				if recover() == nil {
					t.Error("the panic was lost")
				}
			}()
			left := n
			for _, err := range l.Users(t.Context()) {
				if left--; left == 0 || err != nil {
					panic("the caller fails")
				}
			}
		})
	}
}

func TestReadingPartitionsEndsWithTheContext(t *testing.T) {
	cause := errors.New("enough")
	for _, after := range []time.Duration{0, 120 * time.Millisecond, time.Second, 1550 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(after, func() { cancel(cause) })
			var last error
			for _, err := range newPartitioned(t, simulator.Config{Users: 5000, Latency: 100 * time.Millisecond}).Users(ctx) {
				last = err
			}
			if !errors.Is(last, cause) {
				t.Errorf("after %s: %v", after, last)
			}
		})
	}
}
