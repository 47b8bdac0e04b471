package list

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

// IncompleteError means that Graph ended the list without an error, but that the
// list cannot contain everyone.
type IncompleteError struct {
	// Users is the number of distinct users in the final pass.
	Users int
	// Low and High are the last two counts that Graph gave.
	Low, High int
	// Passes is how often the list was read.
	Passes int
	// Err is why no pass reached its end, nil if one did.
	Err error
}

// Name returns the public name of the error.
func (e *IncompleteError) Name() string { return "Snapshot.Incomplete" }

// Unwrap returns the reason, if there is one beside the count.
func (e *IncompleteError) Unwrap() error { return e.Err }

// Error says by how much the list differs from the count, and what to do.
func (e *IncompleteError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("the list is not complete: it was started %d times: %v", e.Passes, e.Err)
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

// recounts are the waits before Graph is asked for another count when the list does
// not agree with it: the index behind it usually catches up within a minute.
func recounts() []time.Duration {
	return []time.Duration{5 * time.Second, 15 * time.Second, 35 * time.Second}
}

// prove compares the pass that has just ended with Graph's count, taken before and
// after it and repeated if need be. It returns nil if the list is complete.
func (l *List) prove(ctx context.Context) error {
	n, before := l.seen.marked, l.progress.Before
	if n == 0 && l.request.everyone() {
		return &IncompleteError{Passes: l.report.Passes}
	}
	l.warnOfLeavers(n)
	after, err := l.count(ctx)
	switch {
	case err != nil:
		return err
	case before == nil && after == nil:
		l.report.warn("Graph does not count this tenant's users, so the list could not be verified")
		return nil
	case before == nil:
		before = after
	}
	c := counts{*before, *after}
	for _, wait := range recounts() {
		if c.agree(n, l.pageSize()) {
			break
		}
		l.log.WarnContext(ctx, "the list does not agree with Graph's count yet; counting again",
			"users", n, "counted", c.last, "countedBefore", c.previous, "wait", wait)
		if !retry.Fits(ctx, wait) || retry.Wait(ctx, wait) != nil {
			if l.Pause != nil && l.pages > 0 {
				return ErrPaused // counting continues when there is time for it
			}
			break
		}
		recount, err := l.count(ctx)
		if err != nil {
			return err
		}
		c = counts{c.last, *recount}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.report.Expected = &Expected{Before: *before, After: c.last}
	l.report.Difference = c.difference(n)
	l.report.Verified = c.agree(n, l.pageSize())
	switch d := l.report.Difference; {
	case l.report.Verified:
		return nil
	case len(l.progress.Partitions) > 1 || !c.settled(l.pageSize()) || max(d, -d) > l.slack(c.high()):
		// Partitions get no slack: somebody may be missing between two of them.
		return &IncompleteError{Users: n, Low: c.low(), High: c.high(), Passes: l.report.Passes}
	}
	l.report.warn(fmt.Sprintf("the list differs from Graph's count by %+d, which is within the slack", l.report.Difference))
	return nil
}

// counts are the last two counts that Graph gave. A number between them agrees with
// both, because users come and go; but a lost page could hide between counts that
// are more than half a page apart, so those decide nothing.
type counts struct{ previous, last int }

func (c counts) low() int  { return min(c.previous, c.last) }
func (c counts) high() int { return max(c.previous, c.last) }

func (c counts) settled(pageSize int) bool { return c.high()-c.low() <= pageSize/2 }

func (c counts) agree(n, pageSize int) bool { return c.settled(pageSize) && c.difference(n) == 0 }

// difference is by how many users n misses the counts, negative when n is less.
func (c counts) difference(n int) int {
	return min(0, n-c.low()) + max(0, n-c.high())
}

// slack is how many users a list of n may be off the count: at most half a page, so
// that a lost page cannot hide in it.
func (l *List) slack(n int) int { return min(l.request.Slack.Of(n), l.pageSize()/2) }

// pageSize is how many users Graph puts on a page of this list.
func (l *List) pageSize() int { return l.request.Query().PageSize() }

// warnOfLeavers reports users whom an earlier pass delivered and the final one did
// not see: they left while the list was read.
func (l *List) warnOfLeavers(n int) {
	if gone := l.seen.used - n; gone > 0 {
		l.report.warn(fmt.Sprintf("%d users were delivered by an earlier pass and have left since", gone))
	}
}

// count asks Graph for its count, nil if this tenant does not count. Any other
// failure is an error: a list whose count was throttled is not proven, and a tenant
// that has counted once cannot stop counting.
func (l *List) count(ctx context.Context) (*int, error) {
	var stats graph.Stats
	n, err := l.directory.Count(ctx, l.request.Query(), &stats)
	l.report.add(&stats)
	var answer *graph.Error
	switch {
	case err == nil:
		l.progress.Counts = true
		return &n, nil
	case !errors.As(err, &answer) || !uncounted(answer):
		return nil, fmt.Errorf("count users: %w", err)
	case l.progress.Counts:
		return nil, &IncompleteError{Passes: l.report.Passes, Err: fmt.Errorf("Graph counted the users once and refuses to count them again: %w", err)}
	}
	return nil, nil
}

// uncounted reports whether Graph itself refuses to count, as it does in tenants
// without advanced queries. A gateway's refusal has no code.
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
