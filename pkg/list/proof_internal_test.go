package list

import (
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

func TestSlackIsNeverMoreThanHalfAPage(t *testing.T) {
	for _, c := range []struct {
		slack             tolerance.Tolerance
		n, pageSize, want int
	}{
		{tolerance.Tolerance{Share: 0.0005}, 1000, 999, 0},
		{tolerance.Tolerance{Share: 0.0005}, 2000, 999, 1},
		{tolerance.Tolerance{Share: 0.0005}, 900_000, 999, 450},
		{tolerance.Tolerance{Share: 0.0005}, 10_000_000, 999, 499},
		{tolerance.Tolerance{Share: 1}, 10, 1, 0},
		{tolerance.Tolerance{Share: 0.0003}, 10_000, 999, 3},
		{tolerance.Tolerance{Share: 0.0029}, 10_000, 999, 29}, // shares that floating point cannot hold exactly
		{tolerance.Tolerance{Share: 0.009}, 3_000, 999, 27},
		{tolerance.Tolerance{Share: 0.0003}, 9_999, 999, 2},
		{tolerance.Tolerance{Users: 20}, 5, 999, 20},
		{tolerance.Tolerance{Users: 20}, 5, 10, 5},
		{tolerance.Tolerance{}, 1_000_000, 999, 0},
	} {
		if got := New(nil, Request{Slack: c.slack, PageSize: c.pageSize}, nil).slack(c.n); got != c.want {
			t.Errorf("%v of %d in pages of %d: %d, want %d", c.slack, c.n, c.pageSize, got, c.want)
		}
	}
}
