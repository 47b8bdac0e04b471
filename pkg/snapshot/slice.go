package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/baseline"
	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// A slice stops reading when a sixth of its time is left, or a minute: that is for
// closing the open objects and saving the checkpoint.
const (
	marginShare = 6
	maxMargin   = time.Minute
)

// slice is what one invocation adds to a run: it reads the list from where the run
// stands and writes the users everywhere.
type slice struct {
	p       *Publication
	events  events
	number  int
	list    *list.List
	earlier written // by earlier slices; this one adds to it

	parts   []*partWriter
	ids     *baseline.IDWriter
	columns *columnAudit
	buses   []Bus // those that get an event for each user

	obsolete []object // what a pass that was started over had written
	users    int      // written
	failed   error    // why a user could not be written
}

// written is what a run has written: what its checkpoint names, and the next slice
// adds to.
type written struct {
	// IDs are the objects that hold the ids of the users read so far.
	IDs []baseline.IDs `json:"ids,omitempty"`
	// Populated are the columns in which somebody has a value, Values about how many
	// users have one.
	Populated []string       `json:"populated,omitempty"`
	Values    map[string]int `json:"values,omitempty"`
	// Objects are the parts of each destination.
	Objects [][]part `json:"objects"`
}

// object is an object by its key at a destination, or in the state store.
type object struct {
	destination int // inState for the state store
	key         string
}

const inState = -1

// nothingWritten is where a run starts, and starts over.
func (p *Publication) nothingWritten() written {
	return written{Objects: make([][]part, len(p.Destinations))}
}

// objects are the objects that w names.
func (w *written) objects() []object {
	var all []object
	for i, parts := range w.Objects {
		for _, p := range parts {
			all = append(all, object{i, p.Key})
		}
	}
	for _, o := range w.IDs {
		all = append(all, object{inState, o.Key})
	}
	return all
}

// users is how many users were written.
func (w *written) users() int {
	n := 0
	for _, o := range w.IDs {
		n += o.Users
	}
	return n
}

// bytes is the size of the parts of all destinations.
func (w *written) bytes() int64 {
	var n int64
	for _, parts := range w.Objects {
		for _, p := range parts {
			n += p.Bytes
		}
	}
	return n
}

// newSlice resumes the run whose checkpoint is given.
func newSlice(ctx context.Context, p *Publication, c *checkpoint) (*slice, error) {
	s := &slice{p: p, events: c.events(), number: c.Slice, list: list.New(p.Directory, p.Request, p.Log), earlier: c.written}
	s.open()
	s.list.OnRestart = s.restart
	if err := s.list.Resume(c.State, baseline.ReadIDs(ctx, p.State, c.IDs)); err != nil {
		return nil, fmt.Errorf("go on with run %s: %w", c.Run, err)
	}
	for _, a := range p.Announcements {
		if a.EachUser {
			s.buses = append(s.buses, a.Open())
		}
	}
	return s, nil
}

// open prepares the objects of the slice. The nonce in their names keeps two
// invocations of one slice apart.
func (s *slice) open() {
	own, columns := store.Nonce(), s.p.columns()
	s.parts = nil
	for i := range s.p.Destinations {
		d := &s.p.Destinations[i]
		s.parts = append(s.parts, &partWriter{
			to: d, columns: columns, suffix: "-" + own + d.Suffix,
			name: RunKey(s.p.Tenant, s.events.run, fmt.Sprintf("part-%d-", s.number)),
		})
	}
	s.ids = baseline.NewIDWriter(s.p.State, stateKey(s.p.Tenant, s.events.run, fmt.Sprintf("ids-%d-%s", s.number, own)))
	s.columns = newColumnAudit(columns, s.earlier)
}

// read reads until the list is complete or the time for reading it is over.
func (s *slice) read(ctx context.Context) (err error) {
	defer crash.Recover(&err) // what is open is then abandoned
	reading := ctx            // ends earlier than what is being written
	if deadline, ok := ctx.Deadline(); ok {
		stop := deadline.Add(-min(time.Until(deadline)/marginShare, maxMargin))
		s.list.Pause = func(page time.Duration) bool { return time.Until(stop) < page+page/2 }
		var cancel context.CancelFunc
		reading, cancel = context.WithDeadline(ctx, stop)
		defer cancel()
	}
	err = s.list.Read(reading, func(id list.ID, user graph.User) error {
		s.failed = s.user(ctx, id, user)
		return s.failed
	})
	if s.failed != nil {
		return s.failed // it was not the list that failed
	}
	return err
}

// resumable reports whether a slice whose reading ended with err has read something
// that the next one can add to: the list was paused, time was over, or Graph refuses
// for the time being. If nothing more can be read, the next slice will say so.
func (s *slice) resumable(err error) bool {
	if s.failed != nil || s.list.Pages() == 0 {
		return false
	}
	var (
		incomplete *list.IncompleteError
		answer     *graph.Error
	)
	switch {
	case errors.Is(err, list.ErrPaused), errors.Is(err, context.DeadlineExceeded):
		return true
	case errors.As(err, &incomplete), !errors.As(err, &answer):
		return false
	}
	return answer.Name() == "Graph.Throttled" || answer.Name() == "Graph.Unavailable"
}

// user writes a user everywhere.
func (s *slice) user(ctx context.Context, id list.ID, user graph.User) error {
	if err := s.ids.Add(ctx, id); err != nil {
		return err
	}
	s.columns.user(id, user.Raw, s.list.CountBefore())
	for _, p := range s.parts {
		if err := p.user(ctx, user.Raw); err != nil {
			return err
		}
	}
	for _, b := range s.buses {
		if err := b.Publish(ctx, s.events.listed(user)); err != nil {
			return err
		}
	}
	if s.users++; s.p.Watch != nil && s.users%1024 == 0 {
		report := s.list.Report()
		if before := s.list.CountBefore(); before != nil {
			report.Expected = &list.Expected{Before: *before, After: *before}
		}
		s.p.Watch(report)
	}
	return nil
}

// restart drops what the earlier passes of the run have written.
func (s *slice) restart() {
	s.obsolete = append(s.obsolete, s.discard()...)
	s.obsolete = append(s.obsolete, s.earlier.objects()...)
	s.earlier = s.p.nothingWritten()
	s.open()
}

// discard aborts what is open and returns what the slice has written since it was
// started, or started over.
func (s *slice) discard() []object {
	own := written{IDs: s.ids.Objects()}
	for _, p := range s.parts {
		p.abort()
		own.Objects = append(own.Objects, p.done)
	}
	return own.objects()
}

// finish makes the objects of the slice visible and waits for the buses. It returns
// what the run has written by now.
func (s *slice) finish(ctx context.Context) (_ written, err error) {
	defer crash.Recover(&err)
	total := written{IDs: s.earlier.IDs, Populated: s.columns.populated, Values: s.columns.values(), Objects: slices.Clone(s.earlier.Objects)}
	for i, p := range s.parts {
		if err := p.commit(); err != nil {
			return written{}, err
		}
		total.Objects[i] = append(slices.Clone(total.Objects[i]), p.done...)
	}
	for _, b := range s.buses {
		if err := b.Flush(ctx); err != nil {
			return written{}, err
		}
	}
	if err := s.ids.Flush(ctx); err != nil {
		return written{}, err
	}
	total.IDs = append(slices.Clone(total.IDs), s.ids.Objects()...)
	return total, nil
}

// abandon gives up the slice and returns everything that it has written.
func (s *slice) abandon() []object {
	all := append(s.obsolete, s.discard()...)
	for _, b := range s.buses {
		b.Close()
	}
	return all
}
