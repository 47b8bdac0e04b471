package list

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// partition is a range of the list: the users whose userPrincipalName lies between
// Lower and Upper, both included; an empty bound is no bound. The partitions of a
// pass overlap at their bounds and leave nothing out, however Graph compares names;
// users seen twice are delivered once.
type partition struct {
	Lower string `json:"lower,omitempty"`
	Upper string `json:"upper,omitempty"`
	// Link leads to the next page, "" before the first one.
	Link string `json:"link,omitempty"`
	Done bool   `json:"done,omitempty"`
	// Barren is how many pages in a row brought nobody new.
	Barren int `json:"barren,omitempty"`
}

// filter returns the $filter of the partition's users among those of filter.
// userPrincipalName is never null and unique, and ge and le are its only
// documented comparisons.
func (p *partition) filter(filter string) string {
	var terms []string
	if p.Lower != "" {
		terms = append(terms, "userPrincipalName ge '"+p.Lower+"'")
	}
	if p.Upper != "" {
		terms = append(terms, "userPrincipalName le '"+p.Upper+"'")
	}
	return and(filter, terms...)
}

const (
	// minPages is how many pages an automatic partition has at least: with fewer, what
	// one reader saves is spent on counting and on pages that are not full.
	minPages = 10
	// What a list may take of a process of limited memory: memoryBase for the program,
	// the parts that are written and the list's own buffers, memoryPerPartition for two
	// connections, a decoder and a batch of each partition, and its ids.
	memoryBase         = 56 << 20
	memoryPerPartition = 1 << 20
	bytesPerID         = 18
)

// Partitions is into how many partitions a list of so many users is divided at most: one
// unless more were asked for, and the list allows it by having more than a page for each,
// no search and no order.
func (r Request) Partitions(users int) int {
	n, page := r.Parallel, r.Query().PageSize()
	switch {
	case n <= 1, r.Search != "", r.OrderBy != "", !r.Query().Combines():
		return 1
	case r.Auto:
		n = min(n, users/(minPages*page))
		if r.Memory > 0 {
			n = min(n, int((r.Memory-memoryBase-int64(users)*bytesPerID)/memoryPerPartition))
		}
		return max(1, n)
	case users <= n*page:
		return 1
	}
	return n
}

// Divides reports whether Graph counts partitions of the list that r asks for. An error
// is one that does not say.
func (r Request) Divides(ctx context.Context, d Directory) (bool, error) {
	_, err := r.countUpTo(ctx, d, "m", new(graph.Stats))
	if refusesRequest(err) {
		return false, nil
	}
	return err == nil, err
}

// countUpTo counts the users of the list up to a bound.
func (r Request) countUpTo(ctx context.Context, d Directory, bound string, stats *graph.Stats) (int, error) {
	r.Filter = (&partition{Upper: bound}).filter(r.Filter)
	return d.Count(ctx, r.Query(), stats)
}

// parts is into how many partitions the present pass is to be divided. Only the first
// one is, because later ones have the least that can go wrong, and only one whose users
// Graph has counted.
func (l *List) parts() int {
	before := l.progress.Before
	if l.report.Passes > 1 || l.progress.Second > 0 || !l.progress.Undivided.IsZero() || before == nil {
		return 1
	}
	return l.request.Partitions(*before)
}

// divide replaces the whole list by up to n partitions, if Graph counts it so that this
// is worth while.
func (l *List) divide(ctx context.Context, n int) error {
	d := l.divider(n)
	bounds, err := d.bounds(ctx)
	return l.divided(ctx, d, bounds, err)
}

// readOrDivide reads the list as one chain while the bounds of n partitions are
// counted, and in partitions once they are known. So nobody waits for the counts: not
// the caller for the first user, nor the list if it cannot be divided. Users who were
// read by then are not delivered again.
func (l *List) readOrDivide(ctx context.Context, n int) error {
	reading, stopReading := context.WithCancelCause(ctx)
	counting, stopCounting := context.WithCancel(ctx)
	d, done := l.divider(n), make(chan struct{})
	d.rounds *= overlapped
	var (
		bounds []string
		failed error
	)
	go func() {
		defer close(done)
		bounds, failed = d.bounds(counting)
		switch {
		case len(bounds) > 0:
			stopReading(errDivided)
		case isDefect(failed):
			stopReading(fmt.Errorf("divide the list: %w", failed))
		}
	}()
	stop := func() {
		stopCounting()
		<-done
		stopReading(nil)
	}
	defer stop() // also when deliver panics
	err := l.readPartition(reading, &l.progress.Partitions[0])
	stop()
	isDivided := errors.Is(err, errDivided)
	if err != nil && !isDivided {
		return err
	}
	if !isDivided { // they may have come too late
		bounds = nil
	}
	if err := l.divided(ctx, d, bounds, failed); err != nil || !isDivided {
		return err
	}
	l.again, l.report.Pages, l.report.Duplicates = l.seen.marked, 0, 0
	return l.readPartitions(ctx)
}

// errDivided ends the reading of a list as one chain, which goes on in partitions.
var errDivided = errors.New("the list is read in partitions from here on")

// divided records what came of dividing the list. If it was Graph that gave no counts,
// the list is read as one chain: it may be complete without them.
func (l *List) divided(ctx context.Context, d *divider, bounds []string, err error) error {
	l.report.add(&d.stats)
	switch {
	case len(bounds) > 0:
		l.progress.Partitions = partitions(bounds)
		l.log.InfoContext(ctx, "the list is read in partitions", "partitions", len(bounds)+1, "counts", d.asked)
	case isDefect(err):
		return fmt.Errorf("divide the list: %w", err)
	case err != nil && !errors.Is(err, context.Canceled):
		if refusesRequest(err) {
			l.progress.Undivided = time.Now().UTC()
		}
		l.log.WarnContext(ctx, "Graph does not count partitions of this list; it is read as one", "error", err)
	}
	return context.Cause(ctx)
}

// isDefect reports whether an error is one of this program.
func isDefect(err error) bool { return errors.As(err, new(*crash.Error)) }

// partitions returns those between the bounds, which leave nobody out.
func partitions(bounds []string) []partition {
	var all []partition
	lower := ""
	for _, bound := range bounds {
		all = append(all, partition{Lower: lower, Upper: bound})
		lower = bound
	}
	return append(all, partition{Lower: lower})
}
