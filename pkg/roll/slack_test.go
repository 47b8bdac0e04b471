package roll_test

import (
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/roll"
)

func TestSlackIsNeverMoreThanHalfAPage(t *testing.T) {
	for _, row := range []struct {
		slack             roll.Slack
		n, pageSize, want int
	}{
		{roll.Slack{Share: 0.0005}, 1000, 999, 0},
		{roll.Slack{Share: 0.0005}, 2000, 999, 1},
		{roll.Slack{Share: 0.0005}, 900_000, 999, 450},
		{roll.Slack{Share: 0.0005}, 10_000_000, 999, 499},
		{roll.Slack{Share: 1}, 10, 1, 0},
		{roll.Slack{Users: 20}, 5, 999, 20},
		{roll.Slack{Users: 20}, 5, 10, 5},
		{roll.Slack{}, 1_000_000, 999, 0},
	} {
		if got := row.slack.Allowed(row.n, row.pageSize); got != row.want {
			t.Errorf("%v of %d in pages of %d: %d, want %d", row.slack, row.n, row.pageSize, got, row.want)
		}
	}
}
