package roll

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// park notes that the run goes on in another slice.
func (r *run) park(ctx context.Context) {
	r.Log.InfoContext(ctx, "the slice is at its end; the run goes on in the next one", "slice", r.state.Slice, "report", r.state.Report)
	r.state.Results = append(r.state.Results, Result{
		Status: Continue, Run: r.state.Run, Users: r.state.Report.Users, Expected: r.state.Reading.Before,
		Duplicates: r.state.Report.Duplicates, Pages: r.state.Report.Pages,
		Resume: fmt.Sprintf("%s.%d", r.state.Run, r.state.Slice+1),
	})
	r.state.Slice++
}

// conclude judges the list once it is proven.
func (r *run) conclude(ctx context.Context) error {
	if err := r.balance(); err != nil {
		return err
	}
	leavers, suspicions, err := r.judge(ctx)
	if err != nil {
		return err
	}
	r.state.Judgement = judgement{FinishedAt: time.Now().UTC(), Leavers: leavers, Suspicions: suspicions}
	for _, name := range r.slice.blanks.names {
		if !slices.Contains(r.state.Report.MissingColumns, name) {
			r.state.Judgement.EmptyColumns = append(r.state.Judgement.EmptyColumns, name)
		}
	}
	r.state.Phase = phasePublishing
	if len(suspicions) > 0 {
		r.state.Phase = phaseSuspect
	}
	r.state.Reading.Spans = nil
	return nil
}

// balance checks that every user who was proven is also written, once at each
// destination.
func (r *run) balance() error {
	written := 0
	for _, o := range r.state.IDs {
		written += o.Users
	}
	ok := written == r.state.Report.Users
	for _, stored := range r.state.Objects {
		written = 0
		for _, p := range stored {
			written += p.Users
		}
		ok = ok && written == r.state.Report.Users
	}
	if !ok {
		return &StateError{URL: r.State.URL(r.checkpointKey()), Problem: "its objects do not hold the users that were read; start a run of another name"}
	}
	return nil
}

// forget lets a run whose list cannot be proven begin anew when it is asked for
// again: what it has read so far did not add up.
func (r *run) forget(ctx context.Context, reason error) error {
	var incomplete *IncompleteError
	if !errors.As(reason, &incomplete) || r.version == "" {
		return nil
	}
	r.slice.restart()
	r.state.Reading, r.state.Report, r.state.Columns, r.state.Populated = progress{}, Report{}, r.Request.Columns, nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return r.save(ctx)
}
