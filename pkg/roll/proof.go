package roll

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// Slack is how far a list may be from Graph's count and still be taken as
// complete (though not as verified). The count comes from an index that lags
// behind, so in a busy tenant they may differ a little for good reasons.
// It is never more than half a page, so that no lost page can hide in it.
type Slack struct {
	// Share is a fraction of the count; 0.0005 means 0.05 %.
	Share float64
	// Users is a fixed number, used where Share is 0.
	Users int
}

// Allowed returns the slack in users for a list of n, read in pages of pageSize.
func (s Slack) Allowed(n, pageSize int) int {
	allowed := s.Users
	if s.Share > 0 {
		allowed = portion(s.Share, n)
	}
	return max(0, min(allowed, pageSize/2))
}

// portion is a share of n users, rounded down: 0.05 % of 2,000 is 1, not the 0
// that 0.9999 would make.
func portion(share float64, n int) int { return int(share*float64(n) + 1e-9) }

// IncompleteError means that Graph ended the list without an error, but the
// list cannot be everybody.
type IncompleteError struct {
	// Users is the number of distinct users in the final pass.
	Users int
	// Low and High are the last two counts that Graph gave.
	Low, High int
	// Passes is how often the list was read.
	Passes int
	// Err is why none of the passes came to its end, nil if one did.
	Err error
}

// Name returns the public name of the error.
func (e *IncompleteError) Name() string { return "Snapshot.Incomplete" }

// Unwrap returns the reason, if there is one beside the count.
func (e *IncompleteError) Unwrap() error { return e.Err }

// Error says by how much the list misses the count, and what to do.
func (e *IncompleteError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("the list is not complete: it was begun %d times: %v", e.Passes, e.Err)
	}
	if e.Users == 0 {
		return "the list is not complete: Graph returned no user at all, and no tenant is empty; " +
			"check the tenant and the permission User.Read.All"
	}
	expected := fmt.Sprint(e.Low)
	if e.High != e.Low {
		expected = fmt.Sprintf("%d to %d", e.Low, e.High)
	}
	return fmt.Sprintf("the list is not complete: %d users were read, but Graph counts %s (read %d times); "+
		"do not use what was read; run again later, and if the difference stays and is right, raise ROLLCALL_COUNT_SLACK",
		e.Users, expected, e.Passes)
}

// recounts are the waits before the count is asked again when the list does
// not agree with it: the index usually catches up within a minute.
func recounts() []time.Duration {
	return []time.Duration{5 * time.Second, 15 * time.Second, 35 * time.Second}
}

// prove compares the pass that has just ended with the count: read before and
// after, and again if need be. It returns nil if the list is complete.
func (r *reading) prove(ctx context.Context) error {
	n, before := r.seen.marked, r.Before
	if n == 0 && !r.request.narrowed() {
		return &IncompleteError{Passes: r.report.Passes}
	}
	r.warnOfLeavers(n)
	after, err := r.count(ctx)
	switch {
	case err != nil:
		return err
	case before == nil && after == nil:
		r.report.warn("Graph does not count this tenant's users, so the list could not be verified")
		return nil
	case before == nil:
		before = after
	}
	c := counts{*before, *after}
	for _, wait := range recounts() {
		if c.agree(n, r.pageSize()) {
			break
		}
		r.log.WarnContext(ctx, "the list does not agree with Graph's count yet; counting again",
			"users", n, "counted", c.last, "countedBefore", c.previous, "wait", wait)
		if !waited(ctx, wait) {
			if r.full != nil && r.turned > 0 {
				return errParked // counting goes on when there is time for it
			}
			break
		}
		again, err := r.count(ctx)
		if err != nil {
			return err
		}
		c = counts{c.last, *again}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r.report.Expected = &Expected{Before: *before, After: c.last}
	r.report.Difference = c.difference(n)
	r.report.Verified = c.agree(n, r.pageSize())
	switch d := r.report.Difference; {
	case r.report.Verified:
		return nil
	case len(r.Spans) > 1 || !c.settled(r.pageSize()) || max(d, -d) > r.request.Slack.Allowed(c.high(), r.pageSize()):
		// Ranges get no slack: between two of them somebody may be lost.
		return &IncompleteError{Users: n, Low: c.low(), High: c.high(), Passes: r.report.Passes}
	}
	r.report.warn(fmt.Sprintf("the list differs from Graph's count by %+d, which is within the slack", r.report.Difference))
	return nil
}

// counts are the last two counts that Graph gave. What lies between them agrees
// with both, for users come and go; but between counts that are further apart
// than half a page a lost page could hide, so they decide nothing.
type counts struct{ previous, last int }

func (c counts) low() int  { return min(c.previous, c.last) }
func (c counts) high() int { return max(c.previous, c.last) }

func (c counts) settled(pageSize int) bool { return c.high()-c.low() <= pageSize/2 }

func (c counts) agree(n, pageSize int) bool { return c.settled(pageSize) && c.difference(n) == 0 }

// difference is by how many users n misses the counts, negative when n is less.
func (c counts) difference(n int) int {
	return min(0, n-c.low()) + max(0, n-c.high())
}

// pageSize is how many users Graph puts on a page of this list.
func (r *reading) pageSize() int { return r.request.Query().PageSize() }

// warnOfLeavers tells of users that an earlier pass delivered and the final one
// did not meet: they left while the list was read.
func (r *reading) warnOfLeavers(n int) {
	if gone := r.seen.used - n; gone > 0 {
		r.report.warn(fmt.Sprintf("%d users were delivered by an earlier pass and have left since", gone))
	}
}

// count asks for the count, nil if this tenant does not count. Any other
// failure is an error: a list whose count is throttled away is not proven, and
// a tenant that has counted once cannot take it back.
func (r *reading) count(ctx context.Context) (*int, error) {
	var stats graph.Stats
	n, err := r.directory.Count(ctx, r.request.Query(), &stats)
	r.report.note(&stats)
	var answer *graph.Error
	switch {
	case err == nil:
		r.Counts = true
		return &n, nil
	case !errors.As(err, &answer) || !uncounted(answer):
		return nil, fmt.Errorf("count users: %w", err)
	case r.Counts:
		return nil, &IncompleteError{Passes: r.report.Passes, Err: fmt.Errorf("Graph counted the users once and refuses to count them again: %w", err)}
	}
	return nil, nil
}

// uncounted reports whether Graph itself (a gateway gives no code) refuses to
// count, as it does in tenants without advanced queries.
func uncounted(answer *graph.Error) bool {
	if answer.Code == "" {
		return false
	}
	switch answer.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return true
	}
	return false
}

// waited waits, unless the deadline is nearer.
func waited(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
