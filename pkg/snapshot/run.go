package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/baseline"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// cleanUpTime is how long cleaning up may take after a run has failed, even if the
// run's own time is over.
const cleanUpTime = 5 * time.Second

// run is one run while an invocation works on it.
type run struct {
	p       *Publication
	c       checkpoint
	version store.Version // of the stored checkpoint
	// named are the objects that the stored checkpoint names. nil: unknown.
	named map[object]bool
	// obsolete are objects to be deleted as soon as the stored checkpoint does not
	// name them.
	obsolete []object
}

func (r *run) checkpointKey() string { return stateKey(r.p.Tenant, r.c.Run, "checkpoint.json") }

// proceed does what comes next in a run, as far as it has not been done. whole says
// that the run is asked for, rather than one slice of it.
func (r *run) proceed(ctx context.Context, slice int, whole bool) (*Result, error) {
	done := len(r.c.Results)
	switch {
	case slice > r.c.Slice:
		return nil, &InputError{"resume", fmt.Sprintf("names slice %d of run %s, which has come to slice %d; give it as the last result has it", slice, r.c.Run, r.c.Slice)}
	case r.c.Phase == phaseDone && whole:
		return r.result(done), nil
	case slice <= done:
		return r.result(slice), nil
	case r.c.Phase == phaseReading:
		err := r.read(ctx)
		if errors.Is(err, errOvertaken) {
			return r.yield(ctx, slice, whole)
		}
		if err != nil {
			return nil, err
		}
		if r.c.Phase == phaseReading {
			return r.result(len(r.c.Results)), nil
		}
	}
	if ctx.Err() != nil {
		return nil, &UnfinishedError{Run: r.c.Run, Err: context.Cause(ctx)}
	}
	longer, cancel := finishing(ctx)
	defer cancel()
	result, err := r.publish(longer)
	if errors.Is(err, errOvertaken) {
		return r.yield(longer, slice, whole)
	}
	var unfinished *UnfinishedError
	if cause := context.Cause(ctx); cause != nil && errors.As(err, &unfinished) {
		unfinished.Err = fmt.Errorf("%w (%w)", cause, unfinished.Err)
	}
	return result, err
}

// finishing returns the context in which a proven list is published. It has the
// deadline of ctx, but ends some time after ctx is canceled: if a signal comes between
// two steps of publishing, the answer must not be that nothing was published.
func finishing(ctx context.Context) (context.Context, context.CancelFunc) {
	longer, cancel := store.WithGrace(ctx, cleanUpTime)
	if deadline, ok := ctx.Deadline(); ok && ctx.Err() == nil {
		limited, end := context.WithDeadline(longer, deadline)
		return limited, func() { end(); cancel() }
	}
	return longer, cancel
}

// yield answers as the invocation does that was faster.
func (r *run) yield(ctx context.Context, slice int, whole bool) (*Result, error) {
	r.p.Log.WarnContext(ctx, "another invocation has done this slice of the run; its result is returned", "run", r.c.Run, "slice", slice)
	winner, err := load(ctx, r.p, r.c.Run)
	if err != nil {
		return nil, err
	}
	if winner.c.Phase == phaseReading && slice > len(winner.c.Results) {
		return nil, &store.StateError{Conflict: true, URL: r.p.State.URL(r.checkpointKey()), Problem: "another invocation works on the same slice; let it finish, then ask again"}
	}
	return winner.proceed(ctx, slice, whole)
}

// result is the recorded answer of a slice, counted from 1.
func (r *run) result(slice int) *Result {
	result := r.c.Results[slice-1]
	if result.Status == Complete {
		result.Published = r.published()
	}
	return &result
}

// read reads the list from where the run stands to its end, or as far as the time
// allows, and moves the checkpoint. If it fails, what it wrote is deleted.
func (r *run) read(ctx context.Context) error {
	if err := r.recall(ctx); err != nil {
		return err
	}
	s, err := newSlice(ctx, r.p, &r.c)
	if err != nil {
		return err
	}
	err = s.read(ctx)
	paused := err != nil && ctx.Err() == nil && s.resumable(err)
	var total written
	if err == nil || paused {
		total, err = s.finish(ctx)
	}
	if err != nil {
		r.abandon(ctx, s)
		return errors.Join(err, r.startOver(ctx, err))
	}
	r.c.State, r.c.written = s.list.State(), total
	r.c.Report.Duration = time.Since(r.c.StartedAt)
	if paused {
		r.park(ctx)
	} else if err := r.audit(ctx, s); err != nil {
		r.abandon(ctx, s)
		return err
	}
	r.obsolete = append(r.obsolete, s.obsolete...)
	err = r.save(ctx)
	if errors.Is(err, errOvertaken) {
		r.abandon(ctx, s)
	}
	return err // after any other error the stored checkpoint may name what was written
}

// recall has a run that begins read its list as one chain if Graph refused to divide the
// last one.
func (r *run) recall(ctx context.Context) error {
	if r.c.Report.Passes > 0 || r.p.Request.Parallel <= 1 {
		return nil
	}
	last, err := r.baseline().Load(ctx)
	if err != nil {
		return err
	}
	if last != nil && last.Undivided.Of(r.p.columns(), r.c.StartedAt) {
		r.c.Progress.Undivided = last.Undivided.Since
	}
	return nil
}

// park records that the run goes on in another slice.
func (r *run) park(ctx context.Context) {
	report := r.c.Report
	r.p.Log.InfoContext(ctx, "the slice is at its end; the run goes on in the next one", "slice", r.c.Slice, "report", report)
	r.c.Results = append(r.c.Results, Result{
		Status: Continue, Run: r.c.Run, Users: report.Users, Expected: r.c.Progress.Before,
		Duplicates: report.Duplicates, Pages: report.Pages, Resume: fmt.Sprintf("%s.%d", r.c.Run, r.c.Slice+1),
	})
	r.c.Slice++
}

// audit checks the list, once it is proven, against what was written and against the
// baseline.
func (r *run) audit(ctx context.Context, s *slice) error {
	if !r.c.balanced() {
		return &store.StateError{URL: r.p.State.URL(r.checkpointKey()), Problem: "its objects do not hold the users that were read; start a run of another name"}
	}
	empty := slices.DeleteFunc(slices.Clone(s.columns.empty), func(name string) bool { return slices.Contains(r.c.Report.MissingColumns, name) })
	for _, name := range r.c.Report.MissingColumns {
		delete(r.c.Values, name)
	}
	verdict, err := r.baseline().Compare(ctx, baseline.Current{Has: s.list.Has, Users: r.c.Report.Users, Empty: empty, Values: r.c.Values},
		baseline.Limits{Leavers: r.p.MaxLeavers, ColumnLoss: r.p.MaxColumnLoss})
	if err != nil {
		return err
	}
	r.c.Audit = audit{FinishedAt: time.Now().UTC(), Leavers: verdict.Leavers, EmptyColumns: empty, Suspicions: verdict.Suspicions, Warnings: r.p.Warnings}
	r.c.Phase = phasePublishing
	if len(verdict.Suspicions) > 0 {
		r.c.Phase = phaseSuspect
	}
	r.c.Progress.Partitions = nil
	return nil
}

func (r *run) baseline() *baseline.Baseline {
	return baseline.New(r.p.State, r.p.Tenant, r.p.Request.Filter)
}

// startOver resets a run whose list could not be proven, because what it has read so
// far did not add up: asked again, it reads everything anew.
func (r *run) startOver(ctx context.Context, reason error) error {
	var incomplete *list.IncompleteError
	if !errors.As(reason, &incomplete) || r.version == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	r.obsolete = append(r.obsolete, r.c.objects()...)
	r.c.State, r.c.written = list.NewState(r.p.Request), r.p.nothingWritten()
	return r.save(ctx)
}

// abandon deletes what a slice has written in vain, even if its time is over.
func (r *run) abandon(ctx context.Context, s *slice) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	r.obsolete = append(r.obsolete, s.abandon()...)
	r.collect(ctx)
}

// setStored records which checkpoint is stored; nil is one that cannot be read.
func (r *run) setStored(c *checkpoint) {
	if r.named = nil; c == nil {
		return
	}
	r.named = map[object]bool{}
	for _, o := range c.objects() {
		r.named[o] = true
	}
}

// collect deletes the obsolete objects that the stored checkpoint does not name. That
// may be an overtaking invocation's checkpoint, which continues from objects of this
// one if their checkpoint was stored and only the reply was lost. An object that
// cannot be deleted stays for the store's own lifecycle rules: nothing points to it.
func (r *run) collect(ctx context.Context) {
	for _, o := range r.obsolete {
		if r.named == nil || r.named[o] {
			continue
		}
		at := r.p.State
		if o.destination != inState {
			at = r.p.Destinations[o.destination].Store
		}
		if err := at.Delete(ctx, o.key); err != nil {
			r.p.Log.WarnContext(ctx, "an object that nothing needs any more could not be deleted", "error", err)
		}
	}
	r.obsolete = nil
}
