package changes

import (
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// parked are comparisons of a mirror with the column mail, at two of their steps.
func parked() []*comparison {
	request := []property.Column{{Name: "id"}, {Name: "mail"}}
	state := list.NewState(list.Request{Columns: request})
	spill := []piece{{Key: "tenant=t/changes/n/spill-0", Size: 9, SHA256: "x"}}
	reading := &comparison{Kind: Reconcile, Request: request, Columns: columns{"mail"}, Link: "l", Step: listing, List: &state, Spill: spill}
	written := &turn{Kind: Reconcile, Turn: 7, Link: "m", Columns: columns{"mail"}, Shards: map[int]shard{3: {Key: "tenant=t/changes/n/03", Users: 1, Values: []int{1}, Size: 9, SHA256: "x"}}}
	comparing := &comparison{Kind: Reconcile, Request: request, Columns: columns{"mail"}, Link: "m", Step: comparing, Turn: written, Shard: 4, Spill: spill}
	return []*comparison{reading, comparing}
}

func TestAParkedComparisonThatCannotBeIsRefused(t *testing.T) {
	check := func(at int, change func(c *comparison, p *pointer)) error {
		p := pointer{Version: 2, Tenant: "t", mirror: mirror{Columns: columns{"mail"}, Link: "l"}, Resuming: parked()[at]}
		change(p.Resuming, &p)
		return p.check("t")
	}
	for at := range parked() {
		if err := check(at, func(*comparison, *pointer) {}); err != nil {
			t.Fatal(err)
		}
	}
	for name, change := range map[string]func(c *comparison, p *pointer){
		"a version that has none":       func(_ *comparison, p *pointer) { p.Version = 1 },
		"a pending turn as well":        func(c *comparison, p *pointer) { p.Pending = c.Turn },
		"a baseline of a mirror":        func(c *comparison, _ *pointer) { c.Kind = Baseline },
		"a round":                       func(c *comparison, _ *pointer) { c.Kind = Round },
		"another step":                  func(c *comparison, _ *pointer) { c.Step = draining },
		"an unknown step":               func(c *comparison, _ *pointer) { c.Step = "x" },
		"no link":                       func(c *comparison, _ *pointer) { c.Link = "" },
		"columns that nobody asked for": func(c *comparison, _ *pointer) { c.Columns, c.Turn.Columns = columns{"x"}, columns{"x"} },
		"other columns than its turn":   func(c *comparison, _ *pointer) { c.Columns = columns{} },
		"a shard beyond the last":       func(c *comparison, _ *pointer) { c.Shard = shardCount },
		"a piece of a size that none has": func(c *comparison, _ *pointer) {
			c.Spill[0].Size = pieceSize + 1
		},
		"a piece of somebody else":  func(c *comparison, _ *pointer) { c.Spill[0].Key = "tenant=x/changes/n/spill-0" },
		"a shard of somebody else":  func(c *comparison, _ *pointer) { c.Turn.Shards[3] = shard{Key: "x", Users: 1, Values: []int{1}} },
		"a turn before the last":    func(_ *comparison, p *pointer) { p.Turn = 7 },
		"a shard that there is not": func(c *comparison, _ *pointer) { c.Turn.Shards[256] = shard{} },
		"leavers below zero":        func(c *comparison, _ *pointer) { c.Leavers = -1 },
	} {
		if check(1, change) == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if check(0, func(c *comparison, _ *pointer) { c.List.Report.Users = -1 }) == nil {
		t.Error("a list that cannot be is taken")
	}
}
