package baseline_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/baseline"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

func TestLeaversAreAShareOrANumber(t *testing.T) {
	for _, c := range []struct {
		leavers tolerance.Tolerance
		n, want int
	}{
		{tolerance.Tolerance{Share: 0.01}, 0, 10},
		{tolerance.Tolerance{Share: 0.01}, 1000, 10},
		{tolerance.Tolerance{Share: 0.01}, 1099, 10},
		{tolerance.Tolerance{Share: 0.01}, 1100, 11},
		{tolerance.Tolerance{Share: 0.01}, 900_000, 9000},
		{tolerance.Tolerance{Share: 0.07}, 10_000, 700}, // 0.07 * 10000 is 700.0000000000001 or less
		{tolerance.Tolerance{Share: 1}, 5000, 5000},
		{tolerance.Tolerance{Users: 5}, 1_000_000, 5},
		{tolerance.Tolerance{}, 1_000_000, 0},
	} {
		if got := baseline.MaxLeavers(c.leavers, c.n); got != c.want {
			t.Errorf("%+v of %d: %d, want %d", c.leavers, c.n, got, c.want)
		}
	}
}
