package roll

import (
	"errors"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

func TestAListIsConcludedOnlyIfEverybodyIsWritten(t *testing.T) {
	holds := func(users ...int) []part {
		var all []part
		for _, n := range users {
			all = append(all, part{Object: Object{Users: n}})
		}
		return all
	}
	for name, c := range map[string]struct {
		ids     []idsObject
		objects [][]part
		ok      bool
	}{
		"all of them":           {[]idsObject{{Users: 3}, {Users: 7}}, [][]part{holds(10), holds(4, 6)}, true},
		"no destination":        {[]idsObject{{Users: 10}}, nil, true},
		"an id short":           {[]idsObject{{Users: 3}, {Users: 6}}, [][]part{holds(10)}, false},
		"no ids":                {nil, [][]part{holds(10)}, false},
		"one place short":       {[]idsObject{{Users: 10}}, [][]part{holds(10), holds(4, 5)}, false},
		"one place with others": {[]idsObject{{Users: 10}}, [][]part{holds(11), holds(10)}, false},
		"an empty place":        {[]idsObject{{Users: 10}}, [][]part{nil}, false},
	} {
		r := &run{Snapshot: &Snapshot{Publication: Publication{State: storetest.NewMemory()}}}
		r.state.Report.Users, r.state.IDs, r.state.Objects = 10, c.ids, c.objects
		err := r.balance()
		var state *StateError
		if c.ok && err != nil || !c.ok && (!errors.As(err, &state) || state.Name() != "State.Invalid") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
