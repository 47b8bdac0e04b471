package snapshot_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

// failing fails the calls that are chosen, as long as it is down.
func failing(down *bool, chosen func(op, key string) bool) func(op, key string) error {
	return func(op, key string) error {
		if !*down || !chosen(op, key) {
			return nil
		}
		return &store.Error{Op: op, URL: "memory:///" + key, Problem: "there is no space left"}
	}
}

func isOp(name string) func(op, key string) bool {
	return func(op, _ string) bool { return op == name }
}

func TestAStoreThatFailsIsNamedAndTheLastListStays(t *testing.T) {
	keyed := func(op, part string) func(string, string) bool {
		return func(have, key string) bool { return have == op && strings.Contains(key, part) }
	}
	for name, c := range map[string]struct {
		bucket, state func(op, key string) bool
		promoted      bool // latest has moved before the failure
	}{
		"the bucket is down":          {bucket: anyCall},
		"no part can be begun":        {bucket: isOp("create")},
		"the disk is full":            {bucket: isOp("write")},
		"a part is refused":           {bucket: isOp("commit")},
		"the third part is refused":   {bucket: keyed("commit", "part-1-3-")},
		"the manifest is refused":     {bucket: keyed("swap", "manifest")},
		"history is refused":          {bucket: keyed("swap", "history")},
		"latest is refused":           {bucket: keyed("swap", "latest")},
		"the table is refused":        {bucket: keyed("swap", "users/"), promoted: true},
		"the state store is down":     {state: anyCall},
		"the ids are refused":         {state: keyed("swap", "/ids-")},
		"the known ids are gone dark": {state: isOp("open")},
		"the checkpoint is refused":   {state: keyed("swap", "checkpoint")},
		"what is known is refused":    {state: keyed("swap", "known"), promoted: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := small(t)
				lists := map[string]map[string]bool{"old": w.present(killUsers)}
				w.change(t, 1)
				lists["new"] = w.present(killUsers + 10)
				down := true
				s := w.buffered()
				if c.bucket != nil {
					s.Destinations[0].Store = &storetest.Faulty{Store: w.bucket, Before: failing(&down, c.bucket)}
				}
				if c.state != nil {
					s.State = &storetest.Faulty{Store: w.state, Before: failing(&down, c.state)}
				}
				for range 2 {
					_, _, err := w.slices(t.Context(), s, snapshot.Input{Run: "new"}, time.Hour)
					mustBeCalled(t, err, "Sink.Failed")
				}
				if m, _ := w.latest(t); !c.promoted && m.Run != "old" {
					t.Errorf("latest is run %s", m.Run)
				}
				w.mustHoldOneOf(t, lists)
				down = false
				if _, _, err := w.slices(t.Context(), s, snapshot.Input{Run: "new"}, time.Hour); err != nil {
					t.Fatal(err)
				}
				w.mustHold(t, "new")
				if pending := w.kept.Pending(); pending > 0 {
					t.Errorf("%d uploads are still open", pending)
				}
			})
		})
	}
}

func anyCall(string, string) bool { return true }

// TestASliceThatFailsLeavesNothingOfItsOwn drops also the parts that were whole.
func TestASliceThatFailsLeavesNothingOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		before := len(w.kept.Keys()) + len(w.state.(*storetest.Memory).Keys())
		down := true
		s := w.buffered()
		s.Destinations[0].Store = &storetest.Faulty{Store: w.bucket, Before: failing(&down, func(op, key string) bool {
			return op == "create" && strings.Contains(key, "part-1-4-")
		})}
		_, _, err := w.slices(t.Context(), s, snapshot.Input{Run: "new"}, time.Hour)
		mustBeCalled(t, err, "Sink.Failed")
		if after := len(w.kept.Keys()) + len(w.state.(*storetest.Memory).Keys()); after != before {
			t.Errorf("%d objects before, %d after", before, after)
		}
		if w.kept.Pending() > 0 || w.state.(*storetest.Memory).Pending() > 0 {
			t.Error("an upload is still open")
		}
	})
}

func TestASlowStoreCostsSlicesAndNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 2000})
		s := w.snapshot()
		s.Destinations[0].Store = &storetest.Faulty{Store: w.bucket, Before: func(string, string) error {
			time.Sleep(50 * time.Millisecond) // for every user
			return nil
		}}
		asked, _, err := w.slices(t.Context(), s, snapshot.Input{Run: "r"}, 40*time.Second)
		if err != nil || sliceOf(asked) < 3 {
			t.Fatalf("%d slices, %v", sliceOf(asked), err)
		}
		w.mustHold(t, "r")
	})
}

func TestAStoreTooSlowToCompleteAPartFailsTheSlice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		s := w.buffered()
		s.Destinations[0].Store = &storetest.Faulty{Store: w.bucket, Before: func(op, _ string) error {
			if op == "commit" {
				time.Sleep(time.Hour)
			}
			return nil
		}}
		_, _, err := w.slices(t.Context(), s, snapshot.Input{Run: "new"}, time.Minute)
		mustBeCalled(t, err, "Sink.Failed")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the deadline is not the reason: %v", err)
		}
		if m, _ := w.latest(t); m.Run != "old" {
			t.Errorf("latest is run %s", m.Run)
		}
	})
}

func TestABusThatFailsIsToldWhenTheRunIsAskedForAgain(t *testing.T) {
	refused := &bus.Error{Bus: "memory", Count: 1, Problem: "it took not all"}
	for name, each := range map[string]bool{"of the list": false, "of each user": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := small(t)
				w.change(t, 1)
				w.each = each
				w.box.fail = refused
				_, _, err := w.slices(t.Context(), w.buffered(), snapshot.Input{Run: "new"}, time.Hour)
				mustBeCalled(t, err, "Sink.Failed")
				if m, _ := w.latest(t); each && m.Run != "old" {
					t.Errorf("a list that was not announced to the end of its users was published: run %s", m.Run)
				}
				w.box.fail, w.box.events = nil, nil
				if _, _, err := w.slices(t.Context(), w.buffered(), snapshot.Input{Run: "new"}, time.Hour); err != nil {
					t.Fatal(err)
				}
				w.mustHold(t, "new")
				if !w.told("new") {
					t.Error("the bus was not told")
				}
				if each {
					w.mustBeTheTenant(t, w.listed())
				}
			})
		})
	}
}

// listed are the subjects of the events of users.
func (w *world) listed() map[string]bool {
	listed := map[string]bool{}
	for _, e := range w.box.events {
		if e.Type == snapshot.EventListed {
			listed[e.Subject] = true
		}
	}
	return listed
}

// TestARunThatIsAskedForAgainSendsTheSameEvent lets consumers tell it.
func TestARunThatIsAskedForAgainSendsTheSameEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := small(t)
		s := w.buffered()
		down := true
		s.State = &storetest.Faulty{Store: w.state, Before: failing(&down, func(op, key string) bool {
			return op == "swap" && strings.Contains(key, "known")
		})}
		w.box.events = nil
		_, _, err := w.slices(t.Context(), s, snapshot.Input{Run: "new"}, time.Hour)
		mustBeCalled(t, err, "Sink.Failed")
		down = false
		time.Sleep(time.Minute)
		if _, _, err = w.slices(t.Context(), s, snapshot.Input{Run: "new"}, time.Hour); err != nil {
			t.Fatal(err)
		}
		if len(w.box.events) != 2 || w.box.events[0].ID != w.box.events[1].ID || string(w.box.events[0].Data) != string(w.box.events[1].Data) {
			t.Errorf("the bus got %d events, which differ", len(w.box.events))
		}
	})
}

// TestTwoDestinationsHoldTheSameList breaks off between them.
func TestTwoDestinationsHoldTheSameList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 500})
		second := storetest.NewMemory()
		down := true
		both := func() *snapshot.Snapshot {
			s := w.buffered()
			d := s.Destinations[0]
			d.Store = &storetest.Faulty{Store: second, Before: failing(&down, isOp("swap"))}
			d.Suffix, d.Format = ".other", "other"
			d.Encode = func(w io.Writer, _ []string) (snapshot.Encoder, error) { return &lines{w: w}, nil }
			s.Destinations = append(s.Destinations, d)
			return s
		}
		_, _, err := w.slices(t.Context(), both(), snapshot.Input{Run: "r"}, time.Hour)
		mustBeCalled(t, err, "Sink.Failed")
		if m, _ := w.latest(t); m != nil {
			t.Error("the first destination was promoted though the manifest of the second was refused")
		}
		down = false
		if _, _, err = w.slices(t.Context(), both(), snapshot.Input{Run: "r"}, time.Hour); err != nil {
			t.Fatal(err)
		}
		w.mustHold(t, "r")
		w.kept = second
		if m := w.mustHold(t, "r"); m.Format != "other" || !strings.HasSuffix(m.Objects[0].URL, ".other") {
			t.Errorf("%+v", m)
		}
		if len(w.box.events) != 1 {
			t.Errorf("%d events", len(w.box.events))
		}
	})
}
