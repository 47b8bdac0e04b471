package snapshot_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

var errKilled = errors.New("the process was killed")

// call chooses calls by their operation and key.
type call func(op, key string) bool

func anyCall(string, string) bool { return true }

// calls chooses the calls of one operation whose key contains part.
func calls(op, part string) call {
	return func(o, key string) bool { return o == op && strings.Contains(key, part) }
}

// interceptor sees each call of a run to its stores and its bus, one after the other. Its
// fields may be nil; an error that they return is the call's.
type interceptor struct {
	before, after func(op, key string) error
}

func (i *interceptor) store(s snapshot.Store) snapshot.Store {
	return &storetest.Faulty{Store: s, Before: i.before, After: i.after}
}

// interceptedSession is a session whose calls an interceptor sees.
type interceptedSession struct {
	session
	i *interceptor
}

func (s *interceptedSession) Publish(ctx context.Context, e bus.Event) error {
	return s.intercept("publish", e.Type, func() error { return s.session.Publish(ctx, e) })
}

func (s *interceptedSession) Flush(ctx context.Context) error {
	return s.intercept("flush", "", func() error { return s.session.Flush(ctx) })
}

func (s *interceptedSession) intercept(op, key string, do func() error) error {
	if s.i.before != nil {
		if err := s.i.before(op, key); err != nil {
			return err
		}
	}
	if err := do(); err != nil || s.i.after == nil {
		return err
	}
	return s.i.after(op, key)
}

// intercepted is a buffered snapshot whose every call an interceptor sees.
func (f *fixture) intercepted(i *interceptor) *snapshot.Snapshot {
	s := f.buffered()
	s.State, s.Destinations[0].Store = i.store(f.state), i.store(f.bucket)
	s.Announcements[0].Open = func() snapshot.Bus { return &interceptedSession{session{bus: f.bus}, i} }
	return s
}

// outage fails the chosen calls, until it is over.
func outage(over *bool, chosen call) *interceptor {
	return &interceptor{before: func(op, key string) error {
		if *over || !chosen(op, key) {
			return nil
		}
		return &store.Error{Op: op, URL: "memory:///" + key, Problem: "there is no space left"}
	}}
}

// injection is something that happens once, at one call of a run.
type injection struct {
	at call // chooses among the calls; nil means any
	// do happens ahead of the call; its error is the call's.
	do func(t *testing.T, f *fixture) error
	// replyLost makes it happen after a call that succeeded, in place of the reply.
	replyLost bool
}

// atEachCall runs test with a new fixture for the first call, for the second, and so on, as
// long as there are so many. test gives the interceptor to the run in question.
func (n injection) atEachCall(t *testing.T, test func(t *testing.T, f *fixture, i *interceptor)) {
	t.Helper()
	for number, injected := 1, true; injected; number++ {
		injected = false
		where := ""
		synctest.Test(t, func(t *testing.T) {
			f := newPublishedFixture(t)
			seen := 0
			hook := func(op, key string) error {
				if n.at != nil && !n.at(op, key) {
					return nil
				}
				if seen++; seen != number {
					return nil
				}
				injected, where = true, op+" "+key
				return n.do(t, f)
			}
			i := &interceptor{before: hook}
			if n.replyLost {
				i = &interceptor{after: hook}
			}
			test(t, f, i)
		})
		if t.Failed() {
			t.Fatalf("at call %d: %s", number, where)
		}
		if !injected && number < 3 {
			t.Fatalf("there were only %d calls", number-1)
		}
	}
}
