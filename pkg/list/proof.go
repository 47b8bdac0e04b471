package list

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

// IncompleteError means that Graph ended the list without an error, but that the
// list cannot be shown to contain everyone.
type IncompleteError struct {
	// Users is the number of distinct users in the final pass who have not left.
	Users int
	// Count is the last count that Graph gave, -1 if it gave none.
	Count int
	// Missing is how many users an earlier pass saw and the final one did not, though
	// nothing says that they have left.
	Missing int
	// Passes is how often the list was read.
	Passes int
	// Err is the reason where it is neither the count nor the users.
	Err error

	moved bool // the counts before and after differ, so another pass may agree
}

// Name returns the public name of the error.
func (e *IncompleteError) Name() string { return "Snapshot.Incomplete" }

// Unwrap returns the reason, if there is one beside the count.
func (e *IncompleteError) Unwrap() error { return e.Err }

// Error says by how much the list differs from the count, and what to do.
func (e *IncompleteError) Error() string {
	const advice = "do not use what was read; run again later"
	switch {
	case e.Err != nil:
		return fmt.Sprintf("the list is not complete (read %d times): %v; %s", e.Passes, e.Err, advice)
	case e.Users == 0:
		return "the list is not complete: Graph returned no user at all, and no tenant is empty; " +
			"check the tenant and the permission User.Read.All"
	case e.Missing > 0:
		return fmt.Sprintf("the list is not complete: %d users of an earlier reading were not found by the last one, and have not left (read %d times); %s",
			e.Missing, e.Passes, advice)
	}
	return fmt.Sprintf("the list is not complete: %d users were read, but Graph counts %d, and a second reading did not give the same users (read %d times); "+
		"%s, and if the difference stays and is right, raise ROLLCALL_COUNT_SLACK", e.Users, e.Count, e.Passes, advice)
}

// recounts are the waits before Graph is asked for another count when the list does
// not agree with it: the index behind it usually catches up within a minute.
func recounts() []time.Duration {
	return []time.Duration{5 * time.Second, 15 * time.Second, 35 * time.Second}
}

// The ways in which a list is verified.
const (
	ByCount         = "count"
	BySecondReading = "second reading"
)

// maxUnquiet is how often the count is asked for at once when users came or left just
// while it was taken.
const maxUnquiet = 5

// prove shows that nobody is missing from the pass that has just ended: the fence is
// drained before and after the count, which has to agree exactly, if need be after a
// wait. It returns nil if the list is complete.
func (l *List) prove(ctx context.Context) error {
	if l.seen.marked == 0 && l.request.everyone() {
		return &IncompleteError{Passes: l.report.Passes}
	}
	if err := l.drain(ctx); err != nil {
		return err
	}
	waits, unquiet, settled := recounts(), 0, false
	for {
		n := l.seen.marked
		after, err := l.count(ctx)
		if err != nil {
			return err
		}
		if err := l.drain(ctx); err != nil {
			return err
		}
		l.record(after)
		// Users lost in silence must not be made up for by those who leave or join just
		// before the count is taken, or just after.
		quiet := n == l.seen.marked
		by, err := l.verdict(after, quiet)
		switch {
		case err != nil:
			return err
		case by == "" && !quiet && unquiet < maxUnquiet:
			unquiet++
			continue
		case by == ByCount && !settled && l.moves() && retry.Fits(ctx, settleTime):
			settled = true
			l.log.InfoContext(ctx, "the directory has changed while it was read; waiting for changes that do not show yet", "wait", settleTime)
			if err := l.drainAfter(ctx, settleTime); err != nil {
				return err
			}
			continue
		case by != "":
			l.report.Verified, l.report.VerifiedBy = true, by
			l.warnOfLeavers()
			return nil
		case after == nil:
			return l.unverified("Graph does not count this tenant's users, so the list could not be verified")
		case len(waits) == 0:
			return l.disagree(*after)
		}
		l.log.WarnContext(ctx, "the list does not agree with Graph's count yet; counting once more",
			"users", l.seen.marked, "counted", *after, "wait", waits[0])
		if !retry.Fits(ctx, waits[0]) {
			if l.Pause != nil && l.pages > 0 {
				return ErrPaused // counting continues when there is time for it
			}
			return l.disagree(*after)
		}
		if err := l.drainAfter(ctx, waits[0]); err != nil {
			return err
		}
		waits = waits[1:]
	}
}

func (l *List) drainAfter(ctx context.Context, wait time.Duration) error {
	if err := retry.Wait(ctx, wait); err != nil {
		return err
	}
	return l.drain(ctx)
}

// moves reports whether the directory is known to have changed since the fence was
// taken.
func (l *List) moves() bool {
	e := l.report.Expected
	return l.fenced() && (l.fence.moved || e != nil && e.Before != e.After)
}

// record writes down what the list has come to.
func (l *List) record(after *int) {
	r := &l.report
	r.Fenced, r.Left = l.fenced(), l.seen.used-l.seen.marked
	if r.Expected = nil; after != nil {
		before := after
		if l.progress.Before != nil {
			before = l.progress.Before
		}
		r.Expected = &Expected{Before: *before, After: *after}
		r.Difference = l.seen.marked - *after
	}
}

// verdict says by what the list is verified after the given count, "" if it is not
// yet; quiet says that nobody came or left while it was taken. The error means that
// this pass cannot come to agree any more.
func (l *List) verdict(after *int, quiet bool) (by string, err error) {
	n, before := l.seen.marked, l.progress.Before
	switch {
	case before == nil && after != nil:
		// A count that is given only once must not verify a list.
		return "", &IncompleteError{
			Users: n, Count: *after, Passes: l.report.Passes, moved: true,
			Err: errors.New("Graph refused to count the users before the list and counted them after it"),
		}
	case l.lost() != 0:
		return "", nil
	case quiet && after != nil && *after == n && (l.fenced() || *before == n):
		return ByCount, nil
	case after != nil && !l.fenced() && *before != *after:
		return "", &IncompleteError{
			Users: n, Count: *after, Passes: l.report.Passes, moved: true,
			Err: fmt.Errorf("the count moved from %d to %d while %d users were read, and this tenant cannot say who came and left", *before, *after, n),
		}
	case l.progress.Second > 0 && !l.progress.Unordered && len(l.fresh) == 0:
		// In the same order a page could be lost twice.
		return BySecondReading, nil
	}
	return "", nil
}

// lost is how many users an earlier pass saw and this one did not, and who have not
// left as far as the fence knows. Without a fence nobody can say who has left.
func (l *List) lost() int {
	if !l.fenced() && l.progress.Second == 0 {
		return 0
	}
	return l.seen.used - l.seen.marked - len(l.fence.leavers)
}

// disagree ends a list that does not agree with the count: within the slack that the
// operator allows it is complete but not verified, otherwise it is an error.
func (l *List) disagree(after int) error {
	d := l.seen.marked - after
	if d == 0 && l.lost() == 0 {
		return &IncompleteError{Users: l.seen.marked, Count: after, Passes: l.report.Passes, Err: errors.New("users came or left whenever Graph counted them")}
	}
	if len(l.progress.Partitions) > 1 || l.lost() > 0 || max(d, -d) > l.slack(after) {
		// Partitions get no slack: somebody may be missing between two of them.
		return &IncompleteError{Users: l.seen.marked, Count: after, Missing: l.lost(), Passes: l.report.Passes}
	}
	return l.unverified(fmt.Sprintf("the list differs from Graph's count by %+d, which is within the slack", d))
}

// unverified ends a list that is taken as it is, unless it has to be verified.
func (l *List) unverified(reason string) error {
	l.report.warn(reason)
	l.warnOfLeavers()
	if l.request.RequireVerified {
		return &IncompleteError{
			Users: l.seen.marked, Count: -1, Passes: l.report.Passes,
			Err: fmt.Errorf("%s, and ROLLCALL_REQUIRE_VERIFIED refuses that", reason),
		}
	}
	return nil
}

func (l *List) warnOfLeavers() {
	if l.report.Left > 0 {
		l.report.warn(fmt.Sprintf("%d of the users have left since they were read", l.report.Left))
	}
}

// slack is how many users a list may be off the count n: at most half a page, so that
// a lost page cannot hide in it.
func (l *List) slack(n int) int { return min(l.request.Slack.Of(n), l.pageSize()/2) }

// pageSize is how many users Graph puts on a page of this list.
func (l *List) pageSize() int { return l.request.Query().PageSize() }

// count asks Graph for its count, nil if this tenant does not count. Any other
// failure is an error: a list whose count was throttled is not proven, and a tenant
// that has counted once, or that has delta queries, can count.
func (l *List) count(ctx context.Context) (*int, error) {
	var stats graph.Stats
	n, err := l.directory.Count(ctx, l.request.Query(), &stats)
	l.report.add(&stats)
	var answer *graph.Error
	switch {
	case err == nil:
		l.progress.Counts = true
		return &n, nil
	case !errors.As(err, &answer) || !answer.RefusesCount() || l.fenced():
		return nil, fmt.Errorf("count users: %w", err)
	case l.progress.Counts:
		return nil, &IncompleteError{Passes: l.report.Passes, Err: fmt.Errorf("Graph counted the users once and refuses to count them a second time: %w", err)}
	}
	return nil, nil
}
