package roll_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/roll"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func parallel(n int) roll.Request {
	r := request()
	r.Parallel = n
	return r
}

func TestEightRangesSideBySideAreSixTimesAsFastWhereLatencyDominates(t *testing.T) {
	took := map[int]time.Duration{}
	for _, n := range []int{1, 8} {
		synctest.Test(t, func(t *testing.T) {
			r := read(t, t.Context(), simulator.Config{Users: 60_000, Latency: 300 * time.Millisecond}, parallel(n))
			r.mustBeComplete(t, 60_000)
			took[n] = r.took
		})
	}
	if ratio := float64(took[1]) / float64(took[8]); ratio < 6 {
		t.Errorf("one chain took %s, eight ranges %s: %.1f times faster, want 6", took[1], took[8], ratio)
	} else {
		t.Logf("one chain took %s, eight ranges %s: %.1f times faster", took[1], took[8], ratio)
	}
}
