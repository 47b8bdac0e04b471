package snapshot_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

var errDead = errors.New("the process is dead")

// plug stands between a run and everything outside it: each call of a store or a
// bus goes through it, one after the other.
type plug struct {
	calls int
	// before and after, where set, are asked at each call with its number, from 1;
	// their error is the call's.
	before, after func(call int, op, key string) error
}

func (p *plug) Before(op, key string) error {
	p.calls++
	if p.before == nil {
		return nil
	}
	return p.before(p.calls, op, key)
}

func (p *plug) After(op, key string) error {
	if p.after == nil {
		return nil
	}
	return p.after(p.calls, op, key)
}

func (p *plug) around(s snapshot.Store) snapshot.Store {
	return &storetest.Faulty{Store: s, Before: p.Before, After: p.After}
}

// pluggedBus is a bus behind a plug.
type pluggedBus struct {
	*mail
	plug *plug
}

func (b pluggedBus) Publish(ctx context.Context, e bus.Event) error {
	if err := b.plug.Before("publish", e.Type); err != nil {
		return err
	}
	return b.mail.Publish(ctx, e)
}

func (b pluggedBus) Flush(ctx context.Context) error {
	if err := b.plug.Before("flush", ""); err != nil {
		return err
	}
	return b.mail.Flush(ctx)
}

// page is lines that go to the store some kilobytes at a time, as a compressor
// sends them.
type page struct {
	lines
	buffer *bufio.Writer
}

func (p *page) Close() error { return p.buffer.Flush() }

// buffered is the world's snapshot with few and large calls of its bucket, so
// that a test can go through all of them.
func (w *world) buffered() *snapshot.Snapshot {
	s := w.snapshot()
	s.Destinations[0].PartSize = 12 << 10
	s.Destinations[0].Encode = func(w io.Writer, _ []string) (snapshot.Encoder, error) {
		buffer := bufio.NewWriterSize(w, 8<<10)
		return &page{lines: lines{w: buffer}, buffer: buffer}, nil
	}
	return s
}

// plugged is the buffered snapshot whose every call goes through p.
func (w *world) plugged(p *plug) *snapshot.Snapshot {
	s := w.buffered()
	s.State, s.Destinations[0].Store = p.around(w.state), p.around(w.bucket)
	s.Announcements[0].Open = func() snapshot.Bus { return pluggedBus{&mail{to: w.box}, p} }
	return s
}

// slices goes on with s until the run is complete or fails, and returns what it
// was asked last, so that it can be asked again.
func (w *world) slices(ctx context.Context, s *snapshot.Snapshot, in snapshot.Input, limit time.Duration) (asked snapshot.Input, result *snapshot.Result, err error) {
	for range 100 {
		sliced, cancel := context.WithTimeout(ctx, limit)
		result, err = s.Run(sliced, in)
		cancel()
		if err != nil || result.Status != snapshot.Continue {
			return in, result, err
		}
		in = snapshot.Input{Resume: result.Resume}
	}
	return in, nil, errors.New("the run does not end")
}

// present returns the ids of the tenant's users, of the first n that ever were.
func (w *world) present(n int) map[string]bool {
	ids := map[string]bool{}
	for i := range n {
		id := w.tenant.ID(i)
		if _, there := w.tenant.Index(id); there {
			ids[id] = true
		}
	}
	return ids
}

// change lets some users come and as many leave.
func (w *world) change(t *testing.T, round int) {
	t.Helper()
	for i := range 4 {
		w.tenant.Create()
		if err := w.tenant.Delete(round*10 + i*50); err != nil {
			t.Fatal(err)
		}
	}
}
