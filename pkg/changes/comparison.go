package changes

import (
	"errors"
	"maps"
	"slices"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// comparison is a comparison of the mirror with everybody, as far as it has come: all that
// the next run needs to go on with it.
type comparison struct {
	Kind string `json:"kind"`
	// Emit says that a baseline is published, Accept which suspect turn may be.
	Emit   bool   `json:"emit,omitempty"`
	Accept string `json:"accept,omitempty"`
	// Request are the columns of the configuration, Columns those of them that Graph gives.
	Request []property.Column `json:"request"`
	Columns columns           `json:"columns"`
	// Link leads to what has changed since the comparison began, as far as that was not read.
	Link string `json:"link"`
	Step step   `json:"step"`
	// List is where the list stands while it is read.
	List *list.State `json:"list,omitempty"`
	// Next is the link by which a step goes on that is neither the list nor reads Link.
	Next string `json:"next,omitempty"`
	// Explained says that the changes since the last turn were read.
	Explained bool `json:"explained,omitempty"`
	// Spill is what was read so far.
	Spill []piece `json:"spill,omitempty"`
	// Turn is what has become of the shards below Shard, Leavers how many users have left.
	Turn    *turn `json:"turn,omitempty"`
	Shard   int   `json:"shard,omitempty"`
	Leavers int   `json:"leavers,omitempty"`
	// Restarts is how often the comparison was begun anew.
	Restarts int `json:"restarts,omitempty"`
}

// step is what a comparison does next.
type step string

// The steps in their order.
const (
	listing    step = "listing"      // everybody, proven
	deleting   step = "deletedItems" // the users who were deleted and can be restored
	explaining step = "explaining"   // what has changed since the last turn
	draining   step = "draining"     // what has changed since the comparison began
	comparing  step = "comparing"    // shard by shard
)

// turn is the turn of the comparison, nil if there is none.
func (c *comparison) turn() *turn {
	if c == nil {
		return nil
	}
	return c.Turn
}

// spill are the pieces of the comparison, none of no comparison.
func (c *comparison) spill() []piece {
	if c == nil {
		return nil
	}
	return c.Spill
}

// clone is a copy that can go on while the stored comparison stays as it is.
func (c *comparison) clone() *comparison {
	next := *c
	next.Spill = slices.Clone(c.Spill)
	if c.Turn != nil {
		t := *c.Turn
		t.Shards, t.leavers = maps.Clone(t.Shards), c.Leavers
		if t.Shards == nil {
			t.Shards = map[int]shard{}
		}
		next.Turn = &t
	}
	return &next
}

// list asks for the columns that the comparison reads.
func (c *comparison) list(r list.Request) list.Request {
	r.Columns = slices.DeleteFunc(slices.Clone(c.Request), func(column property.Column) bool {
		return column.Name != "id" && !c.Columns.has(column.Name)
	})
	return r
}

// check says what is wrong with the comparison of a stored pointer.
func (c *comparison) check(p *pointer) error {
	switch {
	case p.Pending != nil:
		return errors.New("there is a pending turn as well")
	case !slices.Contains([]string{Baseline, Resync, Reconcile, Reselect}, c.Kind), (c.Kind == Baseline) != (p.Link == ""):
		return errors.New("it is of no kind that there could be")
	case !slices.Contains([]step{listing, deleting, explaining, draining, comparing}, c.Step),
		(c.List != nil) != (c.Step == listing), (c.Turn != nil) != (c.Step == comparing):
		return errors.New("its step does not go with what it has")
	case c.Link == "", !c.Columns.within(columnsOf(c.Request)), c.Leavers < 0, c.Restarts < 0, c.Shard < 0, c.Shard >= shardCount, len(c.Spill) > maxPieces:
		return errors.New("it has something that there cannot be")
	case slices.ContainsFunc(c.Spill, func(p piece) bool { return p.Key == "" || p.Size <= 0 || p.Size > pieceSize }):
		return errors.New("it has a piece that is none")
	case c.List != nil:
		return c.List.Check(c.list(list.Request{}))
	case c.Turn != nil && !slices.Equal(c.Turn.Columns, c.Columns):
		return errors.New("its turn has other columns")
	case c.Turn != nil:
		return c.Turn.check(p.Turn)
	}
	return nil
}
