package snapshot_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

func TestABusThatFailsGetsItsEventsWhenTheRunIsRetried(t *testing.T) {
	refused := &bus.Error{Bus: "memory", Count: 1, Problem: "it refused one"}
	for name, eachUser := range map[string]bool{"of the list": false, "of each user": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newPublishedFixture(t)
				f.churn(t, 1)
				f.eachUser, f.bus.err = eachUser, refused
				f.fail(t, f.buffered(), snapshot.Input{Run: "new"}, noLimit, "Sink.Failed")
				if m, _ := f.latest(t); eachUser && m.Run != "old" {
					t.Errorf("run %s was published though not all of its users were announced", m.Run)
				}
				f.bus.err, f.bus.events = nil, nil
				f.complete(t, f.buffered(), snapshot.Input{Run: "new"}, noLimit)
				f.wantPublished(t, "new")
				if !f.announced("new") {
					t.Error("the list was not announced")
				}
				if eachUser {
					f.wantTenant(t, f.listed())
				}
			})
		})
	}
}

// TestARunThatIsRetriedSendsTheSameEvent so that consumers can recognise it.
func TestARunThatIsRetriedSendsTheSameEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		over := false
		s := f.buffered()
		s.State = outage(&over, calls("swap", "known")).store(f.state)
		f.bus.events = nil
		f.fail(t, s, snapshot.Input{Run: "new"}, noLimit, "Sink.Failed")
		over = true
		time.Sleep(time.Minute)
		f.complete(t, s, snapshot.Input{Run: "new"}, noLimit)
		if e := f.bus.events; len(e) != 2 || e[0].ID != e[1].ID || string(e[0].Data) != string(e[1].Data) {
			t.Errorf("the bus got %d events, which differ", len(e))
		}
	})
}

func TestABusThatIsDownKeepsNoEventFromAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 300})
		down := &fakeBus{err: errors.New("down")}
		s := f.snapshot()
		s.Announcements = append([]snapshot.Announcement{{Open: func() snapshot.Bus { return &session{bus: down} }}}, s.Announcements...)
		if _, err := s.Run(t.Context(), snapshot.Input{Run: "r"}); err == nil {
			t.Error("there is no error for the bus that was down")
		}
		if len(f.bus.events) != 1 {
			t.Errorf("the other bus got %d events", len(f.bus.events))
		}
	})
}

// TestEventIDsAreStable because consumers recognise what they have seen by them: an id is a
// digest of tenant, run, type and user.
func TestEventIDsAreStable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 300})
		f.eachUser = true
		f.publish(t, "first")
		time.Sleep(time.Hour)
		f.publish(t, "second")
		seen := map[string]bool{}
		for n, e := range f.bus.events {
			run, user := "first", e.Subject
			if n > 300 {
				run = "second"
			}
			if e.Type == snapshot.EventCompleted {
				user = ""
			}
			sum := sha256.Sum256([]byte(strings.Join([]string{tenantID, run, e.Type, user}, "\x00")))
			if e.ID != hex.EncodeToString(sum[:16]) || seen[e.ID] {
				t.Fatalf("event %d, a %s about %s, has the id %s", n, e.Type, e.Subject, e.ID)
			}
			seen[e.ID] = true
		}
		if len(seen) != 602 {
			t.Errorf("%d events, want 602", len(seen))
		}
	})
}
