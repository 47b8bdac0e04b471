package roll

import (
	"context"
	"fmt"
	"sync"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// alphabet holds the characters that bounds between ranges are made of, in the
// order that most collations give them. Should Graph's differ, the ranges are
// less even and still leave nobody out.
const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"

const (
	// probes is how many bounds are tried at once on the way to one.
	probes = 5
	// maxBound is how long a bound grows: names that begin alike for longer than
	// this stay in one range.
	maxBound = 24
	// evenness is by which part of an even range a range may miss it.
	evenness = 16
	// counting is how many counts are under way at once.
	counting = 16
)

// plan divides the present pass. It is one range unless more were asked for and
// the list allows it: its first pass, without search or order, counted, and more
// than a page for each range. Any later pass is one chain of pages, which has
// the least that could go wrong.
func (r *reading) plan(ctx context.Context) ([]span, error) {
	n := r.request.Parallel
	if n <= 1 || r.report.Passes > 1 || r.Before == nil || *r.Before <= n*r.pageSize() ||
		r.request.Search != "" || r.request.OrderBy != "" {
		return make([]span, 1), nil
	}
	s := &survey{request: r.request, directory: r.directory, total: *r.Before, parts: n, known: map[string]*counted{}, slots: make(chan struct{}, counting)}
	bounds, err := s.bounds(ctx)
	r.report.note(&s.stats)
	if refusal(err) {
		r.log.WarnContext(ctx, "Graph does not count ranges of this list; it is read in one", "error", err)
		return make([]span, 1), nil
	}
	if err != nil {
		return nil, fmt.Errorf("divide the list: %w", err)
	}
	var spans []span
	lower := ""
	for _, bound := range bounds {
		if bound != lower && bound != "" {
			spans = append(spans, span{Lower: lower, Upper: bound})
			lower = bound
		}
	}
	return append(spans, span{Lower: lower}), nil
}

// survey finds bounds between ranges of about as many users each, by asking
// Graph to count those up to a bound.
type survey struct {
	request   Request
	directory Directory
	total     int // users of the list
	parts     int
	stats     graph.Stats
	slots     chan struct{}
	asking    sync.WaitGroup

	mu    sync.Mutex
	known map[string]*counted
}

// counted is the number of users up to a bound, once done is closed.
type counted struct {
	done  chan struct{}
	users int
	err   error
}

// bounds returns the upper bounds of all ranges but the last, in order.
func (s *survey) bounds(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	bounds := make([]string, s.parts-1)
	errs := make([]error, len(bounds))
	var all sync.WaitGroup
	for i := range bounds {
		all.Go(func() {
			if bounds[i], errs[i] = s.bound(ctx, s.total*(i+1)/s.parts); errs[i] != nil {
				cancel()
			}
		})
	}
	all.Wait()
	cancel() // of counts that an error has left behind
	s.asking.Wait()
	return bounds, reason(errs)
}

// reason returns the error that is the reason of the others.
func reason(errs []error) error {
	var found error
	for _, err := range errs {
		if err != nil && (found == nil || cancelled(found) && !cancelled(err)) {
			found = err
		}
	}
	return found
}

// bound returns a bound with about target users up to it, character by character:
// each is the last one that does not go beyond the target.
func (s *survey) bound(ctx context.Context, target int) (string, error) {
	near := s.total / s.parts / evenness
	best, bestUsers, prefix := "", 0, ""
	for len(prefix) < maxBound {
		low, high := -1, len(alphabet) // the users up to low are at most target, those up to high more
		for high-low > 1 {
			places := between(low, high)
			users, err := s.count(ctx, prefix, places)
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
			if low >= high { // a collation with an order of its own
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

// between returns up to probes places, spread evenly, that lie between two.
func between(low, high int) []int {
	n := min(probes, high-low-1)
	places := make([]int, n)
	for i := range places {
		places[i] = low + (high-low)*(i+1)/(n+1)
	}
	return places
}

// count asks how many users there are up to each bound, at the same time, and
// each only once.
func (s *survey) count(ctx context.Context, prefix string, places []int) ([]int, error) {
	waits := make([]*counted, len(places))
	for i, place := range places {
		bound := prefix + alphabet[place:place+1]
		s.mu.Lock()
		c := s.known[bound]
		if c == nil {
			c = &counted{done: make(chan struct{})}
			s.known[bound] = c
			s.asking.Go(func() { s.ask(ctx, bound, c) })
		}
		s.mu.Unlock()
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

func (s *survey) ask(ctx context.Context, bound string, c *counted) {
	defer close(c.done)
	s.slots <- struct{}{}
	defer func() { <-s.slots }()
	query := s.request.Query()
	query.Filter = (&span{Upper: bound}).within(query.Filter)
	c.users, c.err = s.directory.Count(ctx, query, &s.stats)
}

func abs(n int) int { return max(n, -n) }
