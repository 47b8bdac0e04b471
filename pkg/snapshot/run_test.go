package snapshot

import (
	"errors"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/baseline"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

func TestAListWhoseUsersWereNotAllWrittenIsNotPublished(t *testing.T) {
	parts := func(users ...int) []part {
		var all []part
		for _, n := range users {
			all = append(all, part{Object: Object{Users: n}})
		}
		return all
	}
	for name, c := range map[string]struct {
		ids     []baseline.IDs
		objects [][]part
		ok      bool
	}{
		"all were written":          {[]baseline.IDs{{Users: 3}, {Users: 7}}, [][]part{parts(10), parts(4, 6)}, true},
		"no destination":            {[]baseline.IDs{{Users: 10}}, nil, true},
		"one id too few":            {[]baseline.IDs{{Users: 3}, {Users: 6}}, [][]part{parts(10)}, false},
		"no ids":                    {nil, [][]part{parts(10)}, false},
		"one destination short":     {[]baseline.IDs{{Users: 10}}, [][]part{parts(10), parts(4, 5)}, false},
		"one destination with more": {[]baseline.IDs{{Users: 10}}, [][]part{parts(11), parts(10)}, false},
		"an empty destination":      {[]baseline.IDs{{Users: 10}}, [][]part{nil}, false},
	} {
		r := &run{p: &Publication{State: storetest.NewMemory()}}
		r.c.Report.Users, r.c.IDs, r.c.Objects = 10, c.ids, c.objects
		err := r.audit(t.Context(), &slice{list: list.New(nil, list.Request{}, nil), columns: newColumnAudit(nil, written{})})
		var state *store.StateError
		if c.ok && err != nil || !c.ok && (!errors.As(err, &state) || state.Name() != "State.Invalid") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
