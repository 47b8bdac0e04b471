package list

import (
	"context"
	"fmt"
	"sync"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// alphabet holds the characters that the bounds of partitions are made of, in the
// order of most collations. If Graph's differs, the partitions are less even, but
// still leave nobody out.
const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"

const (
	// probes is how many candidates for a bound are counted at once.
	probes = 5
	// maxBound is the length of the longest bound: names that share a longer prefix
	// stay in one partition.
	maxBound = 24
	// evenness is the fraction of its ideal size by which a partition may miss it.
	evenness = 16
	// counting is how many counts are under way at once.
	counting = 16
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

// partition divides the present pass. It is a single partition unless more were
// asked for and the list allows it: its first pass, without search or order, counted,
// and more than a page for each partition. Later passes are single, because that has
// the least that can go wrong.
func (l *List) partition(ctx context.Context) ([]partition, error) {
	whole := make([]partition, 1)
	n, before := l.request.Parallel, l.progress.Before
	if n <= 1 || l.report.Passes > 1 || l.progress.Second > 0 || before == nil || *before <= n*l.pageSize() ||
		l.request.Search != "" || l.request.OrderBy != "" || !l.request.Query().Combines() {
		return whole, nil
	}
	p := &partitioner{request: l.request, directory: l.directory, total: *before, parts: n, counts: map[string]*boundCount{}, slots: make(chan struct{}, counting)}
	bounds, err := p.bounds(ctx)
	l.report.add(&p.stats)
	if refusesRequest(err) {
		l.log.WarnContext(ctx, "Graph does not count partitions of this list; it is read as one", "error", err)
		return whole, nil
	}
	if err != nil {
		return nil, fmt.Errorf("partition the list: %w", err)
	}
	var all []partition
	lower := ""
	for _, bound := range bounds {
		if bound != lower && bound != "" {
			all = append(all, partition{Lower: lower, Upper: bound})
			lower = bound
		}
	}
	return append(all, partition{Lower: lower}), nil
}

// partitioner finds the bounds of partitions of about equal size, by asking Graph
// to count the users up to a bound.
type partitioner struct {
	request   Request
	directory Directory
	total     int // users of the list
	parts     int
	stats     graph.Stats
	slots     chan struct{}
	asking    sync.WaitGroup

	mu     sync.Mutex
	counts map[string]*boundCount // by bound
}

// boundCount is the number of users up to a bound, once done is closed.
type boundCount struct {
	done  chan struct{}
	users int
	err   error
}

// bounds returns the upper bounds of all partitions but the last, in order.
func (p *partitioner) bounds(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	bounds := make([]string, p.parts-1)
	errs := make([]error, len(bounds))
	var all sync.WaitGroup
	for i := range bounds {
		all.Go(func() {
			if bounds[i], errs[i] = p.bound(ctx, p.total*(i+1)/p.parts); errs[i] != nil {
				cancel()
			}
		})
	}
	all.Wait()
	cancel() // counts that are still under way after an error
	p.asking.Wait()
	return bounds, firstCause(errs)
}

// bound returns a bound with about target users up to it. It grows character by
// character: each is the last one that does not exceed the target.
func (p *partitioner) bound(ctx context.Context, target int) (_ string, err error) {
	defer crash.Recover(&err) // it has a goroutine of its own
	near := p.total / p.parts / evenness
	best, bestUsers, prefix := "", 0, ""
	for len(prefix) < maxBound {
		low, high := -1, len(alphabet) // up to low there are at most target users, up to high more
		for high-low > 1 {
			places := between(low, high)
			users, err := p.count(ctx, prefix, places)
			if err != nil {
				return "", err
			}
			for i, place := range places {
				if abs(users[i]-target) < abs(bestUsers-target) {
					best, bestUsers = prefix+alphabet[place:place+1], users[i]
				}
				if users[i] <= target {
					low = max(low, place)
				} else {
					high = min(high, place)
				}
			}
			if low >= high { // the collation orders characters differently
				low, high = min(low, high), min(low, high)+1
			}
		}
		if abs(bestUsers-target) <= near || low < 0 {
			break
		}
		prefix += alphabet[low : low+1]
	}
	return best, nil
}

// between returns up to probes places between two, evenly spread.
func between(low, high int) []int {
	n := min(probes, high-low-1)
	places := make([]int, n)
	for i := range places {
		places[i] = low + (high-low)*(i+1)/(n+1)
	}
	return places
}

// count asks how many users there are up to each bound, all at the same time and
// each bound only once.
func (p *partitioner) count(ctx context.Context, prefix string, places []int) ([]int, error) {
	waits := make([]*boundCount, len(places))
	for i, place := range places {
		bound := prefix + alphabet[place:place+1]
		p.mu.Lock()
		c := p.counts[bound]
		if c == nil {
			c = &boundCount{done: make(chan struct{})}
			p.counts[bound] = c
			p.asking.Go(func() { p.ask(ctx, bound, c) })
		}
		p.mu.Unlock()
		waits[i] = c
	}
	users := make([]int, len(places))
	for i, c := range waits {
		<-c.done
		if c.err != nil {
			return nil, c.err
		}
		users[i] = c.users
	}
	return users, nil
}

func (p *partitioner) ask(ctx context.Context, bound string, c *boundCount) {
	defer close(c.done)
	p.slots <- struct{}{}
	defer func() { <-p.slots }()
	defer crash.Recover(&c.err)
	query := p.request.Query()
	query.Filter = (&partition{Upper: bound}).filter(query.Filter)
	c.users, c.err = p.directory.Count(ctx, query, &p.stats)
}

func abs(n int) int { return max(n, -n) }
