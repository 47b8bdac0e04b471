package changes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// maxRounds bounds how often a run asks for what has changed meanwhile.
const maxRounds = 10

// suspectPause is how long everybody is not read anew after that was found suspect.
const suspectPause = time.Hour

// renewAfter is how old a link becomes before it is saved anew though nothing has changed.
// Graph keeps one for seven days.
const renewAfter = 24 * time.Hour

// proceed does what comes next.
func (r *run) proceed(ctx context.Context, in Input) (*Result, error) {
	if in.Accept != "" {
		if r.p.Suspect == nil || r.p.Suspect.Run != in.Accept {
			return nil, &InputError{Field: "accept", Reason: fmt.Sprintf("names run %q, which is not the one that is suspect; name the run of the last error Snapshot.Suspect", in.Accept)}
		}
		r.accept = in.Accept
	}
	if r.p.Pending != nil {
		r.result.Kind = r.p.Pending.Kind
		if done, err := r.publish(ctx); !done || err != nil {
			return r.answer(ctx, err)
		}
	}
	if r.p.Resuming != nil {
		return r.answer(ctx, r.anyway(ctx, r.resume(ctx, in)))
	}
	asked := columnsOf(r.f.Request.Columns)
	switch {
	case r.p.Link == "":
		return r.answer(ctx, r.everybody(ctx, Baseline, in.Baseline == "emit"))
	case !asked.within(r.p.Asked):
		return r.answer(ctx, r.everybody(ctx, Reselect, true))
	case r.accept != "" && r.p.Suspect != nil && r.p.Suspect.Kind != Round:
		return r.answer(ctx, r.everybody(ctx, r.p.Suspect.Kind, true))
	case r.held() != nil: // what has changed is published all the same
	case in.Resync, r.f.Reconcile > 0 && time.Since(r.p.ProvenAt) >= r.f.Reconcile:
		return r.answer(ctx, r.anyway(ctx, r.everybody(ctx, Reconcile, true)))
	}
	if err := r.rounds(ctx, asked); err != nil {
		return nil, err
	}
	if err := r.held(); err != nil {
		return nil, err
	}
	return r.answer(ctx, nil)
}

// held is the error of a comparison with everybody that was found suspect a short while
// ago, nil if there is none: it is not made anew each time.
func (r *run) held() error {
	if s := r.p.Suspect; s != nil && s.Kind != Round && r.accept == "" && time.Since(s.At) < suspectPause {
		return &SuspectError{Run: s.Run, Reasons: s.Reasons}
	}
	return nil
}

// anyway publishes what has changed though the regular comparison with everybody has failed
// with err, since the list does not add up: that may last, and the mirror is as good as before.
func (r *run) anyway(ctx context.Context, err error) error {
	asked := columnsOf(r.f.Request.Columns)
	if r.result.Kind == Reconcile && asked.within(r.p.Asked) && errors.As(err, new(*list.IncompleteError)) {
		return errors.Join(err, r.rounds(ctx, asked))
	}
	return err
}

// rounds publishes rounds of changes until nothing has changed.
func (r *run) rounds(ctx context.Context, asked columns) error {
	for range maxRounds {
		active, err := r.round(ctx, asked)
		if expired(err) {
			// A $select that Graph refuses is found out by asking for a new link.
			r.f.Log.WarnContext(ctx, "the delta link is no longer valid; everybody is read", "error", err)
			return r.everybody(ctx, Resync, true)
		}
		if err != nil || !active || r.p.Pending != nil {
			return err
		}
		if !r.left(ctx, 1./3) {
			break
		}
	}
	if r.more {
		r.result.Status = Continue
	}
	return nil
}

// expired reports whether the link that was kept leads to no changes any more: Graph does
// not know it, or it leads to another Graph host than the one that is configured now.
func expired(err error) bool {
	var answer *graph.Error
	var link *graph.LinkError
	return errors.As(err, &answer) && answer.PageToken() || errors.As(err, &link) && link.Kept
}

// answer completes the result.
func (r *run) answer(ctx context.Context, err error) (*Result, error) {
	if err != nil {
		return nil, err
	}
	total := r.p.totals()
	r.result.Users, r.result.Restorable = total.Users, total.Deleted
	for _, name := range columnsOf(r.f.Request.Columns) {
		if r.p.Link != "" && !r.p.Columns.has(name) {
			r.result.MissingColumns = append(r.result.MissingColumns, name)
		}
	}
	if r.p.Pending != nil {
		r.result.Status = Continue
	}
	if r.result.Status == Complete {
		telemetry.Observe(ctx, telemetry.Users, float64(total.Users))
		telemetry.Observe(ctx, telemetry.Events, 0)
	}
	return r.result, nil
}

// round reads a round of changes and publishes it. It reports whether another one may be
// worth it.
func (r *run) round(ctx context.Context, asked columns) (active bool, err error) {
	s := newSpill(r.f.TempDir)
	defer s.Close()
	cols, options := r.p.Columns, graph.DeltaOptions{Pause: func() bool { return !r.left(ctx, 1./2) || s.Entries() >= maxEntries }}
	if !r.p.Asked.within(asked) && graph.SkipToken(r.p.Link) == "" { // there are fewer columns now
		cols = cols.common(asked)
		options.Select = cols.tracked()
	} else {
		asked = r.p.Asked
	}
	r.result.Kind = Round
	next, paused, err := r.drain(ctx, s, cols, r.p.Link, options)
	if err != nil {
		return false, err
	}
	t := r.newTurn(Round, next, asked, cols)
	r.more = paused
	if s.Entries() == 0 && options.Select == nil {
		if !paused && time.Since(r.p.SavedAt) < renewAfter {
			return false, nil
		}
		r.p.Link, r.p.SavedAt = next, t.At
		return paused, r.save(ctx)
	}
	if err := r.write(ctx, t, s); err != nil {
		return false, err
	}
	return true, r.deliver(ctx, t)
}

// maxEntries is how many changes one turn takes at most.
const maxEntries = 100_000

// drain reads changes into a spill, and who manages whom where Graph does not say that.
func (r *run) drain(ctx context.Context, s *spill, cols columns, link string, o graph.DeltaOptions) (next string, paused bool, err error) {
	var stats graph.Stats
	untold := map[string]bool{}
	next, paused, err = r.f.Directory.DeltaRound(ctx, link, o, &stats, func(c graph.Change) error {
		k, f := changed, make(fields, len(cols))
		switch c.Removed {
		case "":
			f = cols.fields(c.Raw)
			r.told(c, cols, f, untold)
		case "deleted":
			k = removedHard
		default:
			k = removed
		}
		return s.add(shardOf(c.ID), k, cols.appendObject(nil, c.ID, f, asSaid))
	})
	if err != nil || len(untold) == 0 {
		return next, paused, err
	}
	ids := make([]string, 0, len(untold))
	for id := range untold {
		ids = append(ids, id)
	}
	manager := columns{property.Manager}
	err = r.f.Directory.UsersByID(ctx, ids, manager.query(), &stats, func(u graph.User) error {
		f := manager.fields(u.Raw)
		if f[0] == nil {
			f[0] = []byte(null)
		}
		return s.add(shardOf(u.ID), managed, manager.appendObject(nil, u.ID, f, asSaid))
	})
	return next, paused, err
}

// told takes the manager from a change, or notes that the change does not say it.
func (r *run) told(c graph.Change, cols columns, f fields, untold map[string]bool) {
	for i, name := range cols {
		if name != property.Manager {
			continue
		}
		if m := c.ManagerOf(); m.Told {
			f[i] = managerField(m.ID)
			delete(untold, string(c.ID))
		} else {
			untold[string(c.ID)] = true
		}
	}
}

// write compares the shards that have changes with what was read, and writes those that
// become others. A round that changes nothing claims nothing.
func (r *run) write(ctx context.Context, t *turn, s *spill) error {
	touched := s.Touched()
	for _, i := range touched {
		before, err := r.records(ctx, i, &r.p.Shards[i])
		if err != nil {
			return err
		}
		w, err := newWork(before, r.p.Columns, t.Columns, s, i)
		if err != nil {
			return err
		}
		if err := r.writeShard(ctx, t, i, w.finish(r.writer, r.head(i), false), touched); err != nil {
			return err
		}
	}
	for i := range r.p.Shards { // fewer columns have fewer values
		if old := r.p.Shards[i]; !slices.Equal(r.p.Columns, t.Columns) {
			if _, written := t.Shards[i]; !written {
				t.Shards[i] = realigned(old, r.p.Columns, t.Columns)
			}
		}
	}
	return nil
}

// realigned is a shard that is left as it is, with the figures of other columns.
func realigned(s shard, from, to columns) shard {
	values := make([]int, len(to))
	for i, name := range to {
		for j := range from {
			if from[j] == name && j < len(s.Values) {
				values[i] = s.Values[j]
			}
		}
	}
	s.Values = values
	return s
}

func (r *run) writeShard(ctx context.Context, t *turn, i int, o outcome, touched []int) error {
	if o.changed && t.claim == nil {
		if err := r.claimShards(ctx, t, touched); err != nil {
			return err
		}
	}
	if o.changed {
		if err := r.put(ctx, t, i, o.shard, o.object); err != nil {
			return err
		}
	}
	t.leavers += o.leavers
	t.Drift += o.drift
	return nil
}

// deliver publishes a turn that is written, if it is not suspect.
func (r *run) deliver(ctx context.Context, t *turn) error {
	if len(t.Shards) == 0 || t.Kind == Baseline && t.Compared == nil {
		return r.commit(ctx, t)
	}
	if err := r.submit(ctx, t); err != nil {
		return err
	}
	_, err := r.publish(ctx)
	return err
}
