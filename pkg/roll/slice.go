package roll

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// A slice stops reading when a sixth of its time is left, or a minute: that is
// for closing the open objects and saving the checkpoint.
const (
	marginShare = 6
	maxMargin   = time.Minute
)

// slice is what one invocation adds to a run.
type slice struct {
	run     *run
	reading reading
	parts   []*parts
	ids     *idsWriter
	blanks  *blanks
	buses   []Bus    // those that get an event for each user
	met     int      // users written
	failed  error    // why a user could not be written
	litter  []doomed // objects of this slice that no checkpoint names
}

// proceed does what is next in a run, as far as it has not been done.
func (r *run) proceed(ctx context.Context, asked int, whole bool) (*Result, error) {
	switch {
	case asked > r.state.Slice:
		return nil, &InputError{"resume", fmt.Sprintf("names slice %d of run %s, which has come to slice %d; give it as the last result has it", asked, r.state.Run, r.state.Slice)}
	case r.state.Phase == phaseDone && whole:
		return r.result(len(r.state.Results) - 1), nil
	case asked <= len(r.state.Results):
		return r.result(asked - 1), nil
	case r.state.Phase == phaseReading:
		err := r.read(ctx)
		if errors.Is(err, errOvertaken) {
			return r.follow(ctx, asked, whole)
		}
		if err != nil {
			return nil, err
		}
		if r.state.Phase == phaseReading {
			return r.result(len(r.state.Results) - 1), nil
		}
	}
	result, err := r.publish(ctx)
	if errors.Is(err, errOvertaken) {
		return r.follow(ctx, asked, whole)
	}
	return result, err
}

// follow answers as the invocation has it that was faster.
func (r *run) follow(ctx context.Context, asked int, whole bool) (*Result, error) {
	r.Log.WarnContext(ctx, "another invocation has done this slice of the run; its result is returned", "run", r.state.Run, "slice", asked)
	other, err := r.load(ctx, r.state.Run)
	if err != nil {
		return nil, err
	}
	if other.state.Phase == phaseReading && asked > len(other.state.Results) {
		return nil, &StateError{Conflict: true, URL: r.State.URL(r.checkpointKey()), Problem: "another invocation works on the same slice; let it finish, then ask again"}
	}
	return other.proceed(ctx, asked, whole)
}

func (r *run) result(i int) *Result {
	result := r.state.Results[i]
	return &result
}

// read reads the list from where the run stands to its end, or as far as the time
// allows, and moves the checkpoint. If it cannot, what it wrote is dropped.
func (r *run) read(ctx context.Context) error {
	s := &slice{run: r}
	r.slice = s
	if err := s.begin(ctx); err != nil {
		s.drop(ctx)
		return err
	}
	err := s.read(ctx)
	if s.failed != nil {
		err = s.failed // it was not the reading that failed
	}
	left := ctx.Err() == nil && s.failed == nil && s.reading.turned > 0 && passes(err)
	if err == nil || left {
		err = s.end(ctx)
	}
	if err != nil {
		s.drop(ctx)
		return errors.Join(err, r.forget(ctx, err))
	}
	s.carry()
	if left {
		r.park(ctx)
	} else if err := r.conclude(ctx); err != nil {
		s.drop(ctx)
		return err
	}
	switch err := r.save(ctx); {
	case errors.Is(err, errOvertaken):
		s.drop(ctx)
		return err
	case err != nil:
		return err // what was written stays: the checkpoint may name it
	}
	return nil
}

// passes reports whether a reading that ended with err may go on later: it was
// left, its time was over, or Graph refuses for the time being. What has been read
// until then is kept; if nothing more can be read, the next slice says so.
func passes(err error) bool {
	var (
		incomplete *IncompleteError
		answer     *graph.Error
	)
	switch {
	case errors.Is(err, errParked), errors.Is(err, context.DeadlineExceeded):
		return true
	case errors.As(err, &incomplete), !errors.As(err, &answer):
		return false
	}
	return answer.Name() == "Graph.Throttled" || answer.Name() == "Graph.Unavailable"
}

// begin goes on where the run stands.
func (s *slice) begin(ctx context.Context) error {
	r := s.run
	s.open(r.state.Populated)
	s.reading = newReading(r.Directory, r.Request, r.Log)
	s.reading.columns, s.reading.progress, s.reading.report = r.state.Columns, r.state.Reading, r.state.Report
	s.reading.progress.Spans = slices.Clone(r.state.Reading.Spans)
	s.reading.restart = s.restart
	s.reading.deliver = func(k key, user graph.User) error {
		s.failed = s.user(ctx, k, user)
		return s.failed
	}
	total := 0
	for _, o := range r.state.IDs {
		total += o.Users
	}
	if total > 0 {
		s.reading.seen.reserve(total)
	}
	if err := r.readIDs(ctx, r.state.IDs, func(k key) { s.reading.seen.add(k) }); err != nil {
		return fmt.Errorf("go on with run %s: %w", r.state.Run, err)
	}
	for _, a := range r.Announcements {
		if a.EachUser {
			s.buses = append(s.buses, a.Open())
		}
	}
	return nil
}

// open prepares the objects of the slice.
func (s *slice) open(populated []string) {
	r := s.run
	own := nonce()
	columns := r.columns()
	s.parts = nil
	for i := range r.Destinations {
		s.parts = append(s.parts, &parts{
			to: &r.Destinations[i], columns: columns,
			name:   r.runKey(r.state.Run, fmt.Sprintf("part-%d-", r.state.Slice)),
			suffix: "-" + own + r.Destinations[i].Suffix,
		})
	}
	s.ids = &idsWriter{at: r.State, name: r.stateKey(r.state.Run, fmt.Sprintf("ids-%d-%s", r.state.Slice, own))}
	s.blanks = newBlanks(columns, populated)
}

// read reads until the list or the time for it is over.
func (s *slice) read(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		stop := deadline.Add(-min(left/marginShare, maxMargin))
		s.reading.full = func(page time.Duration) bool { return time.Until(stop) < page+page/2 }
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, stop)
		defer cancel()
	}
	return s.reading.read(ctx)
}

// user writes a user everywhere.
func (s *slice) user(ctx context.Context, k key, user graph.User) error {
	if err := s.ids.add(ctx, k); err != nil {
		return err
	}
	s.blanks.see(user.Raw)
	for _, p := range s.parts {
		if err := p.user(ctx, user.Raw); err != nil {
			return err
		}
	}
	for _, b := range s.buses {
		if err := b.Publish(ctx, s.run.listed(user)); err != nil {
			return err
		}
	}
	if s.met++; s.run.watch != nil && s.met%1024 == 0 {
		report := s.reading.report
		report.Users = s.reading.seen.used
		if before := s.reading.Before; before != nil {
			report.Expected = &Expected{Before: *before, After: *before}
		}
		s.run.watch(report)
	}
	return nil
}

// restart forgets what the earlier passes of the run have written.
func (s *slice) restart() {
	s.discard()
	r := s.run
	for i, stored := range r.state.Objects {
		for _, p := range stored {
			r.doomed = append(r.doomed, doomed{r.Destinations[i].Store, p.Key})
		}
		r.state.Objects[i] = nil
	}
	for _, o := range r.state.IDs {
		r.doomed = append(r.doomed, doomed{r.State, o.Key})
	}
	r.state.IDs = nil
	s.open(nil)
}

// discard aborts what is open and gives up what this slice has written.
func (s *slice) discard() {
	for _, p := range s.parts {
		p.abort()
		for _, done := range p.done {
			s.litter = append(s.litter, doomed{p.to.Store, done.Key})
		}
	}
	for _, o := range s.ids.done {
		s.litter = append(s.litter, doomed{s.run.State, o.Key})
	}
}

// end makes the objects of the slice visible and waits for the buses.
func (s *slice) end(ctx context.Context) error {
	for _, p := range s.parts {
		if err := p.end(); err != nil {
			return err
		}
	}
	for _, b := range s.buses {
		if err := b.Flush(ctx); err != nil {
			return err
		}
	}
	return s.ids.end(ctx)
}

// carry takes what the slice has found over into the checkpoint.
func (s *slice) carry() {
	state := &s.run.state
	for i, p := range s.parts {
		state.Objects[i] = append(state.Objects[i], p.done...)
	}
	state.IDs = append(state.IDs, s.ids.done...)
	state.Reading, state.Report, state.Columns = s.reading.progress, s.reading.report, s.reading.columns
	state.Report.Users, state.Report.Duration = s.reading.seen.used, time.Since(state.StartedAt)
	state.Populated = s.blanks.populated
}

// drop removes what a slice has written that came to nothing, also after its time
// is over.
func (s *slice) drop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	s.discard()
	for _, b := range s.buses {
		b.Close()
	}
	s.run.sweep(ctx, s.litter)
}
