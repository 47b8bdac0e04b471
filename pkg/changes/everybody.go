package changes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
)

// everybody compares the mirror with the whole tenant, and publishes how they differ. It is
// the one procedure behind the kinds Baseline, Resync, Reconcile and Reselect: take a delta
// link, list everybody (proven), read the deleted users, then what has changed meanwhile,
// and compare shard by shard. Whoever is absent is asked for by id before that is believed.
// If the time does not suffice, the comparison is parked, and the next run goes on.
func (r *run) everybody(ctx context.Context, kind string, emit bool) error {
	r.result.Kind = kind
	if err := r.held(); err != nil {
		return err
	}
	return r.compare(ctx, &comparison{Kind: kind, Emit: emit, Accept: r.accept})
}

// maxRestarts is how often a comparison is begun anew because what was parked is of no use
// any more.
const maxRestarts = 3

// resume goes on with the comparison that an earlier run has parked. What this run was
// asked for in addition goes for all of it.
func (r *run) resume(ctx context.Context, in Input) error {
	c := r.p.Resuming.clone()
	c.Emit = c.Emit || in.Baseline == "emit"
	r.accept = cmp.Or(r.accept, c.Accept)
	c.Accept, r.result.Kind = r.accept, c.Kind
	if !slices.Equal(c.Request, r.f.Request.Columns) {
		r.f.Log.WarnContext(ctx, "ROLLCALL_SELECT has changed; the comparison with everybody begins anew", "kind", c.Kind)
		return r.renew(ctx, c, 0)
	}
	r.f.Log.InfoContext(ctx, "the comparison with everybody goes on", "kind", c.Kind, "step", c.Step)
	err := r.compare(ctx, c)
	switch {
	case err == nil || !useless(err):
		return err
	case errors.As(err, new(*list.IncompleteError)), c.Restarts >= maxRestarts:
		return errors.Join(err, r.drop(ctx))
	}
	r.f.Log.WarnContext(ctx, "the comparison with everybody cannot go on; it begins anew", "error", err, "kind", c.Kind, "step", c.Step)
	return r.renew(ctx, c, c.Restarts+1)
}

// useless reports whether a parked comparison that has failed will fail again: Graph knows
// its links no longer, its list does not add up, or what was kept of it is gone.
func useless(err error) bool {
	var answer *graph.Error
	return errors.As(err, new(*list.IncompleteError)) || errors.As(err, new(*graph.LinkError)) || errors.As(err, new(*lostError)) ||
		errors.As(err, &answer) && answer.PageToken()
}

// renew drops what was parked of a comparison and begins it anew.
func (r *run) renew(ctx context.Context, c *comparison, restarts int) error {
	if err := r.drop(ctx); err != nil {
		return err
	}
	kind := c.Kind
	if kind != Baseline && !columnsOf(r.f.Request.Columns).within(r.p.Asked) {
		kind = Reselect
	}
	r.result.Kind = kind
	return r.compare(ctx, &comparison{Kind: kind, Emit: c.Emit, Accept: c.Accept, Restarts: restarts})
}

// drop forgets the parked comparison.
func (r *run) drop(ctx context.Context) error {
	r.p.Resuming, r.p.Claim = nil, nil
	return r.save(ctx)
}

// slice is what one run adds to a comparison.
type slice struct {
	*run
	c     *comparison
	spill *spill
	stop  time.Time // when the comparison is to be parked, zero for never
	done  int       // steps, pages and shards
}

// compare goes on with a comparison from where it stands. It is published, or parked.
func (r *run) compare(ctx context.Context, c *comparison) error {
	s := &slice{run: r, c: c, spill: newSpill(r.f.TempDir)}
	defer s.spill.Close()
	reading := ctx // ends earlier, so that there is time to park
	if deadline, ok := ctx.Deadline(); ok {
		s.stop = deadline.Add(-deadline.Sub(r.began) / parkingShare)
		var cancel context.CancelFunc
		reading, cancel = context.WithDeadline(ctx, s.stop)
		defer cancel()
	}
	if err := r.recall(reading, c, s.spill); err != nil {
		return err
	}
	for c.Shard < shardCount {
		err := s.advance(reading)
		if err == nil && c.Shard < shardCount && s.pauses(0) {
			err = list.ErrPaused
		}
		switch {
		case err == nil:
		case ctx.Err() == nil && s.parks(err):
			return s.park(ctx)
		case errors.Is(err, list.ErrPaused):
			return fmt.Errorf("compare with everybody: %w", context.DeadlineExceeded)
		default:
			return err
		}
	}
	return r.deliver(ctx, c.Turn)
}

// parkingShare is which part of a run's time is for parking.
const parkingShare = 6

// pauses reports whether the time does not suffice for another page, where the last one
// took so long.
func (s *slice) pauses(page time.Duration) bool {
	return !s.stop.IsZero() && time.Until(s.stop) <= page+page/2
}

// pages returns a function that says so at the end of each page.
func (s *slice) pages() (pause func() bool) {
	began := time.Now()
	return func() bool {
		page := time.Since(began)
		began = time.Now()
		return s.pauses(page)
	}
}

// parks reports whether a comparison that has stopped with err is parked: it has come
// farther, and it was stopped for its time, or because Graph refuses for the time being.
func (s *slice) parks(err error) bool {
	var answer *graph.Error
	switch {
	case s.done == 0 || errors.As(err, new(*list.IncompleteError)):
		return false
	case errors.Is(err, list.ErrPaused), errors.Is(err, context.DeadlineExceeded):
		return true
	}
	return errors.As(err, &answer) && (answer.Name() == "Graph.Throttled" || answer.Name() == "Graph.Unavailable")
}

// park stores how far the comparison has come.
func (s *slice) park(ctx context.Context) error {
	c := s.c
	if err := s.keep(ctx, c, s.spill); err != nil {
		return err
	}
	s.release(c.Turn)
	if c.Turn != nil {
		c.Leavers = c.Turn.leavers
	}
	s.p.Resuming = c
	if err := s.save(ctx); err != nil {
		return err
	}
	s.result.Status = Continue
	s.f.Log.InfoContext(ctx, "the comparison with everybody is parked; the next run goes on", "kind", c.Kind, "step", c.Step, "pieces", len(c.Spill))
	return nil
}
