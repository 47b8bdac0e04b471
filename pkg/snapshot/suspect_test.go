package snapshot_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// TestWhoIsMissingIsCountedNotHowManyAreLeft publishes a list of 1,000 users, lets
// some leave and some come, and reads another.
func TestWhoIsMissingIsCountedNotHowManyAreLeft(t *testing.T) {
	share := func(s float64) tolerance.Tolerance { return tolerance.Tolerance{Share: s} }
	users := func(n int) tolerance.Tolerance { return tolerance.Tolerance{Users: n} }
	for name, c := range map[string]struct {
		leavers     tolerance.Tolerance
		leave, come int
		suspect     bool
	}{
		"nobody left":                        {leavers: share(0.01)},
		"just as many as a small share":      {leavers: share(0.001), leave: 10},
		"one more":                           {leavers: share(0.001), leave: 11, suspect: true},
		"just a share":                       {leavers: share(0.05), leave: 50},
		"one more than a share":              {leavers: share(0.05), leave: 51, suspect: true},
		"just a number":                      {leavers: users(3), leave: 3},
		"one more than a number":             {leavers: users(3), leave: 4, suspect: true},
		"one, where nobody may":              {leavers: users(0), leave: 1, suspect: true},
		"one for one":                        {leavers: share(0.01), leave: 1000, come: 1000, suspect: true},
		"some for more than as many":         {leavers: share(0.01), leave: 11, come: 500, suspect: true},
		"nobody, but there came many":        {leavers: users(0), come: 700},
		"half of them":                       {leavers: share(0.01), leave: 500, suspect: true},
		"half of them, and that was allowed": {leavers: share(0.5), leave: 500},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, simulator.Config{Users: 1000})
				w.leavers = c.leavers
				w.publish(t, "old")
				for range c.come {
					w.tenant.Create()
				}
				for i := range c.leave {
					if err := w.tenant.Delete(i); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(time.Hour)
				result, _, err := w.run(t.Context(), snapshot.Input{Run: "new"}, 0)
				if c.suspect {
					mustBeCalled(t, err, "Snapshot.Suspect")
					if m, ids := w.latest(t); m.Run != "old" || len(ids) != 1000 {
						t.Errorf("latest is run %s with %d users", m.Run, len(ids))
					}
					if w.told("new") {
						t.Error("a suspect list was announced")
					}
					return
				}
				if err != nil {
					t.Fatalf("%+v, %v", result, err)
				}
				if m := w.mustHold(t, "new"); m.Leavers != c.leave {
					t.Errorf("%d leavers", m.Leavers)
				}
			})
		})
	}
}

func TestTheFirstListIsComparedWithNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 500})
		w.leavers = tolerance.Tolerance{}
		w.publish(t, "first")
		w.mustHold(t, "first")
	})
}

func TestListsOfDifferentFiltersAreNotCompared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 1000})
		w.leavers = tolerance.Tolerance{}
		w.publish(t, "all")
		time.Sleep(time.Hour)
		w.request.Filter = "accountEnabled eq false"
		result, _, err := w.run(t.Context(), snapshot.Input{Run: "disabled"}, 0)
		if err != nil || result.Users == 0 || result.Users > 500 {
			t.Fatalf("%+v, %v", result, err)
		}
		if m, _ := w.latest(t); m.Run != "disabled" || m.Filter != w.request.Filter || m.Leavers != 0 {
			t.Errorf("%+v", m)
		}
		// And the first filter is compared with its own last list.
		time.Sleep(time.Hour)
		w.request.Filter = ""
		if err := w.tenant.Delete(5); err != nil {
			t.Fatal(err)
		}
		_, _, err = w.run(t.Context(), snapshot.Input{Run: "fewer"}, 0)
		mustBeCalled(t, err, "Snapshot.Suspect")
	})
}

// TestAFilterThatFindsNobodyIsPublishedAsSuch has no object to name.
func TestAFilterThatFindsNobodyIsPublishedAsSuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 500})
		w.request.Filter = "department eq 'there is no such department'"
		for _, run := range []string{"first", "second"} {
			w.publish(t, run)
			m, ids := w.latest(t)
			if m.Run != run || len(ids) != 0 || len(m.Objects) != 0 || !m.Verified {
				t.Errorf("%+v", m)
			}
			time.Sleep(time.Hour)
		}
		if users, text := w.table(t, "users/tenant="+tenantID+"/symlink.txt"); users == nil || text != "" {
			t.Errorf("the table of nobody leads to %q", text)
		}
	})
}

func TestAListThatCannotBeComparedIsSuspect(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, w *world, key string){
		"gone":      func(t *testing.T, w *world, key string) { _ = w.state.Delete(t.Context(), key) },
		"shortened": func(t *testing.T, w *world, key string) { w.replace(t, w.state, key, shortened(16)) },
		"cut":       func(t *testing.T, w *world, key string) { w.replace(t, w.state, key, shortened(5)) },
		"changed":   func(t *testing.T, w *world, key string) { w.replace(t, w.state, key, flipped) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := small(t)
				harm(t, w, slicesOf(w.stateKeys(), "/run=old/ids-")[0])
				_, _, err := w.run(t.Context(), snapshot.Input{Run: "new"}, 0)
				mustBeCalled(t, err, "Snapshot.Suspect")
				if !strings.Contains(err.Error(), "gone or damaged") {
					t.Error(err)
				}
				if err := accept(t, w); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Hour)
				w.publish(t, "next")
				w.mustHold(t, "next")
			})
		})
	}
}

func TestOnlyASuspectRunCanBeAcceptedAndOnlyWhileItIsTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		ask := func(in snapshot.Input) error {
			_, err := w.snapshot().Run(t.Context(), in)
			return err
		}
		mustBeCalled(t, ask(snapshot.Input{Accept: "old"}), "Request.Invalid")
		mustBeCalled(t, ask(snapshot.Input{Accept: "never"}), "Request.Invalid")
		if _, err := w.slice(t, w.snapshot(), snapshot.Input{Run: "parked"}, sliceLimit(1)); err != nil {
			t.Fatal(err)
		}
		mustBeCalled(t, ask(snapshot.Input{Accept: "parked"}), "Request.Invalid")
		w.suspect(t, "new")
		w.suspectAgain(t, "newer")
		if err := ask(snapshot.Input{Accept: "newer"}); err != nil {
			t.Fatal(err)
		}
		w.mustHold(t, "newer")
		events := len(w.box.events)
		if err := ask(snapshot.Input{Accept: "newer"}); err != nil {
			t.Errorf("what was accepted is not answered again: %v", err)
		}
		if len(w.box.events) != events {
			t.Error("it was announced twice")
		}
		mustBeCalled(t, ask(snapshot.Input{Accept: "new"}), "State.Conflict")
		mustBeCalled(t, ask(snapshot.Input{Run: "new"}), "Snapshot.Suspect")
		w.mustHold(t, "newer")
	})
}

func (w *world) suspectAgain(t *testing.T, run string) {
	t.Helper()
	_, _, err := w.run(t.Context(), snapshot.Input{Run: run}, 0)
	mustBeCalled(t, err, "Snapshot.Suspect")
	time.Sleep(time.Minute)
}
