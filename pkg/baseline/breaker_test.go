package baseline_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/baseline"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// idSet is a list.
type idSet map[list.ID]bool

func (s idSet) Has(id list.ID) bool { return s[id] }

func newIDSet(ids []list.ID) idSet {
	s := idSet{}
	for _, id := range ids {
		s[id] = true
	}
	return s
}

// newBaseline returns a baseline of 1,000 users, of whom somebody had a mail address.
func newBaseline(t *testing.T, at baseline.Store) (*baseline.Baseline, baseline.Record) {
	t.Helper()
	b, r := baseline.New(at, tenantID, ""), record("monday", 0)
	r.Users, r.IDs, r.Populated = 1000, storeIDs(t, at, "ids-monday", someIDs(0, 1000)), []string{"id", "mail"}
	if _, err := b.Replace(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	return b, r
}

func share(s float64) tolerance.Tolerance { return tolerance.Tolerance{Share: s} }
func users(n int) tolerance.Tolerance     { return tolerance.Tolerance{Users: n} }

func TestMaxLeaversIsAShareOrANumber(t *testing.T) {
	for _, c := range []struct {
		leavers tolerance.Tolerance
		n, want int
	}{
		{share(0.01), 0, 10},
		{share(0.01), 1000, 10},
		{share(0.01), 1099, 10},
		{share(0.01), 1100, 11},
		{share(0.01), 900_000, 9000},
		{share(0.07), 10_000, 700}, // 0.07 * 10000 is 700.0000000000001 or less
		{share(1), 5000, 5000},
		{users(5), 1_000_000, 5},
		{users(0), 1_000_000, 0},
	} {
		if got := baseline.MaxLeavers(c.leavers, c.n); got != c.want {
			t.Errorf("%+v of %d: %d, want %d", c.leavers, c.n, got, c.want)
		}
	}
}

func TestLeaversAreCountedWhoeverHasCome(t *testing.T) {
	for name, c := range map[string]struct {
		maxLeavers  tolerance.Tolerance
		leave, come int
		suspect     bool
	}{
		"nobody left":                         {maxLeavers: share(0.01)},
		"ten, where a share is less than ten": {maxLeavers: share(0.001), leave: 10},
		"eleven, where a share is less":       {maxLeavers: share(0.001), leave: 11, suspect: true},
		"exactly a share":                     {maxLeavers: share(0.05), leave: 50},
		"one more than a share":               {maxLeavers: share(0.05), leave: 51, suspect: true},
		"exactly a number":                    {maxLeavers: users(3), leave: 3},
		"one more than a number":              {maxLeavers: users(3), leave: 4, suspect: true},
		"one, where nobody may":               {maxLeavers: users(0), leave: 1, suspect: true},
		"everybody replaced one for one":      {maxLeavers: share(0.01), leave: 1000, come: 1000, suspect: true},
		"eleven, and many more came":          {maxLeavers: share(0.01), leave: 11, come: 500, suspect: true},
		"nobody, and many came":               {maxLeavers: users(0), come: 700},
		"half of them":                        {maxLeavers: share(0.01), leave: 500, suspect: true},
		"half of them, where half is allowed": {maxLeavers: share(0.5), leave: 500},
	} {
		b, _ := newBaseline(t, storetest.NewMemory())
		v, err := b.Compare(t.Context(), baseline.Current{Has: newIDSet(someIDs(c.leave, 1000+c.come)).Has}, baseline.Limits{Leavers: c.maxLeavers})
		if err != nil || v.Leavers != c.leave || (len(v.Suspicions) > 0) != c.suspect {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
		if c.suspect && !strings.Contains(v.Suspicions[0], "run monday") {
			t.Errorf("%s: %q does not name the last run", name, v.Suspicions[0])
		}
	}
}

func TestTheFirstListIsComparedWithNothing(t *testing.T) {
	v, err := baseline.New(storetest.NewMemory(), tenantID, "").Compare(t.Context(), baseline.Current{Has: newIDSet(nil).Has, Empty: []string{"mail"}}, baseline.Limits{Leavers: users(0)})
	if err != nil || v.Leavers != 0 || len(v.Suspicions) > 0 {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestAColumnThatBecomesEmptyIsSuspect(t *testing.T) {
	b, _ := newBaseline(t, storetest.NewMemory())
	v, err := b.Compare(t.Context(), baseline.Current{Has: newIDSet(someIDs(0, 1000)).Has, Empty: []string{"companyName", "mail"}}, baseline.Limits{Leavers: users(0)})
	if err != nil || len(v.Suspicions) != 1 || !strings.Contains(v.Suspicions[0], "column mail ") {
		t.Errorf("%+v, %v; want a suspicion about the column mail alone", v, err)
	}
}

func TestAListThatCannotBeComparedIsSuspect(t *testing.T) {
	for name, damage := range damages() {
		memory := storetest.NewMemory()
		b, r := newBaseline(t, memory)
		damageObject(t, memory, r.IDs[0].Key, damage)
		v, err := b.Compare(t.Context(), baseline.Current{Has: newIDSet(someIDs(0, 1000)).Has}, baseline.Limits{Leavers: share(1)})
		if err != nil || len(v.Suspicions) != 1 || !strings.Contains(v.Suspicions[0], "run monday) are gone or damaged") {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

func TestAStoreThatFailsIsAnErrorAndNoSuspicion(t *testing.T) {
	memory := storetest.NewMemory()
	_, r := newBaseline(t, memory)
	for _, failing := range []string{"read", "open"} {
		down := &store.Error{Op: failing, Problem: "it is down"}
		faulty := &storetest.Faulty{Store: memory, Before: func(op, _ string) error {
			if op == failing {
				return down
			}
			return nil
		}}
		v, err := baseline.New(faulty, tenantID, "").Compare(t.Context(), baseline.Current{Has: newIDSet(nil).Has, Empty: r.Populated}, baseline.Limits{Leavers: users(0)})
		if !errors.Is(err, down) || len(v.Suspicions) > 0 {
			t.Errorf("%s: %+v, %v", failing, v, err)
		}
	}
}

// TestABaselineReplacedMeanwhileIsComparedInstead has another run replace the baseline,
// and delete the ids that it made obsolete, just before they are read.
func TestABaselineReplacedMeanwhileIsComparedInstead(t *testing.T) {
	memory := storetest.NewMemory()
	b, old := newBaseline(t, memory)
	replaced := false
	faulty := &storetest.Faulty{Store: memory, Before: func(op, _ string) error {
		if op != "open" || replaced {
			return nil
		}
		replaced = true
		next := record("tuesday", 24)
		next.Users, next.IDs = 500, storeIDs(t, memory, "ids-tuesday", someIDs(500, 1000))
		if _, err := b.Replace(t.Context(), next); err != nil {
			return err
		}
		return memory.Delete(t.Context(), old.IDs[0].Key)
	}}
	v, err := baseline.New(faulty, tenantID, "").Compare(t.Context(), baseline.Current{Has: newIDSet(someIDs(501, 1000)).Has}, baseline.Limits{Leavers: users(0)})
	if err != nil || v.Leavers != 1 || len(v.Suspicions) != 1 || !strings.Contains(v.Suspicions[0], "run tuesday") {
		t.Errorf("%+v, %v; want one leaver since tuesday", v, err)
	}
}

func TestAColumnThatLosesMoreOfItsValuesThanAllowedIsSuspect(t *testing.T) {
	for name, c := range map[string]struct {
		was, is  int
		users    int // of the list; the last one had 1,000
		loss     tolerance.Tolerance
		suspects bool
	}{
		"half of them":                          {was: 800, is: 400, users: 1000, loss: share(0.5)},
		"more than half":                        {was: 800, is: 399, users: 1000, loss: share(0.5), suspects: true},
		"nearly all of them":                    {was: 800, is: 1, users: 1000, loss: share(0.5), suspects: true},
		"half of a directory that is half gone": {was: 800, is: 380, users: 500, loss: share(0.5)},
		"most of a directory that is half gone": {was: 800, is: 100, users: 500, loss: share(0.5), suspects: true},
		"few of a directory that has grown":     {was: 800, is: 700, users: 2000, loss: share(0.5), suspects: true},
		"ten of a rare column":                  {was: 12, is: 2, users: 1000, loss: share(0.5)},
		"eleven of a rare column":               {was: 12, is: 1, users: 1000, loss: share(0.5), suspects: true},
		"more than ever":                        {was: 10, is: 1000, users: 1000, loss: share(0)},
		"a number":                              {was: 800, is: 700, users: 1000, loss: users(100)},
		"one more than a number":                {was: 800, is: 699, users: 1000, loss: users(100), suspects: true},
	} {
		memory := storetest.NewMemory()
		b, r := newBaseline(t, memory)
		r.Run, r.StartedAt, r.Values = "tuesday", r.StartedAt.Add(time.Hour), map[string]int{"department": c.was, "gone": 500}
		if _, err := b.Replace(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		v, err := b.Compare(t.Context(), baseline.Current{Has: newIDSet(someIDs(0, 1000)).Has, Users: c.users, Values: map[string]int{"department": c.is}},
			baseline.Limits{Leavers: users(0), ColumnLoss: c.loss})
		if err != nil || (len(v.Suspicions) > 0) != c.suspects {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
		if c.suspects && !strings.Contains(v.Suspicions[0], "column department ") {
			t.Errorf("%s: %q does not name the column", name, v.Suspicions[0])
		}
	}
}
