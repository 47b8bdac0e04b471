package list

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// alphabet holds the characters that bounds are made of, in the order of most
// collations; marks are the others that names often have, which collations order
// differently. Where a bound really is, only its count tells: if Graph's order is not
// the one assumed here, the partitions are less even, but still leave nobody out.
const (
	alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	marks    = "-._"
)

const (
	// maxBound is the length of the longest bound: names that share a longer prefix
	// stay in one partition.
	maxBound = 24
	// evenness is the fraction of its ideal size by which a partition may miss it.
	evenness = 8
	// counting is how many bounds are counted in one round, all at the same time.
	counting = 16
	// Counting has to cost less than it saves. There is a round for every pagesPerRound
	// pages of the list, and overlapped times as many if the list is read meanwhile; and
	// a count for every pagesPerCount.
	pagesPerRound = 32
	overlapped    = 4
	pagesPerCount = 6
	// worthwhile is the part of the list, in per cent, that no partition may exceed.
	worthwhile = 90
)

// divider finds the bounds of partitions of about equal size, by asking Graph to count
// the users up to a bound.
type divider struct {
	directory Directory
	request   Request
	page      int // users of one
	total     int // users of the list
	parts     int
	rounds    int // that are left
	counts    int // that are left
	asked     int
	stats     graph.Stats
	points    []point // that were counted, in Graph's order
}

// point is a bound and the number of users up to it.
type point struct {
	bound string
	users int
	err   error
}

func (l *List) divider(parts int) *divider {
	page, total := l.pageSize(), *l.progress.Before
	pages := (total + page - 1) / page
	return &divider{
		directory: l.directory, request: l.request, page: page, total: total, parts: parts,
		rounds: 1 + pages/pagesPerRound, counts: 4*parts + pages/pagesPerCount,
	}
}

// bounds returns the upper bounds of all partitions but the last, in Graph's order;
// none if the users cannot be divided, or not so that it is worth while.
func (d *divider) bounds(ctx context.Context) (_ []string, err error) {
	defer crash.Recover(&err) // it may have a goroutine of its own
	for ; d.rounds > 0; d.rounds-- {
		candidates := d.candidates()
		if len(candidates) == 0 {
			break
		}
		if err := d.count(ctx, candidates); err != nil {
			return nil, err
		}
	}
	return d.best(), nil
}

// target is where the partition i ends ideally, as a number of users.
func (d *divider) target(i int) int { return d.total / d.parts * (i + 1) }

// nearest returns the point that is nearest to a target; without any it is nobody.
func (d *divider) nearest(target int) point {
	best := point{}
	for _, p := range d.points {
		if abs(p.users-target) < abs(best.users-target) {
			best = p
		}
	}
	return best
}

// candidates returns the bounds to count next: between the points on either side of
// each target that no point is near to.
func (d *divider) candidates() []string {
	near := max(d.page, d.total/d.parts/evenness)
	var gaps []gap
	targets := 0
	for i := range d.parts - 1 {
		target := d.target(i)
		if abs(d.nearest(target).users-target) <= near {
			continue
		}
		targets++
		behind, _ := slices.BinarySearchFunc(d.points, target+1, func(p point, users int) int { return cmp.Compare(p.users, users) })
		if n := len(gaps); n > 0 && gaps[n-1].behind == behind {
			gaps[n-1].targets++
			continue
		}
		g := gap{behind: behind, targets: 1}
		if behind > 0 {
			g.low = d.points[behind-1].bound
		}
		if behind < len(d.points) {
			g.high = d.points[behind].bound
		}
		gaps = append(gaps, g)
	}
	var all []string
	for _, g := range gaps {
		all = append(all, d.between(g, max(1, counting*g.targets/targets))...)
	}
	return all[:min(len(all), d.counts)]
}

// gap is what lies between two neighboring bounds, "" for none, and has some targets in
// it. behind is the place of the upper one among the points.
type gap struct {
	low, high string
	behind    int
	targets   int
}

// between returns up to n bounds in a gap, evenly spread, that were not counted yet.
func (d *divider) between(g gap, n int) []string {
	low, high := g.low, g.high
	shared := 0
	for shared < len(low) && shared < len(high) && low[shared] == high[shared] {
		shared++
	}
	prefix, end := low[:shared], len(alphabet)
	if shared < len(high) {
		end = max(0, strings.IndexByte(alphabet, high[shared]))
	}
	// Bounds that differ from low where high does, or else farther on.
	all := d.unknown(prefix, after(low, shared), end)
	if len(all) > 0 {
		return spread(all, n)
	}
	for i := shared + 1; i <= len(low) && len(all) == 0; i++ {
		all = d.unknown(low[:i], after(low, i), len(alphabet))
	}
	all = spread(all, n)
	if g.targets > 1 || len(all) == 0 { // perhaps it is not one of the alphabet with which the names go on
		for _, mark := range marks {
			if bound := prefix + string(mark); d.isUnknown(bound) {
				all = append(all, bound)
			}
		}
	}
	return all
}

// after returns the place in the alphabet behind the character of s at i, 0 if there is
// none.
func after(s string, i int) int {
	if i < len(s) {
		return strings.IndexByte(alphabet, s[i]) + 1
	}
	return 0
}

// unknown returns the bounds of prefix and one more character, from one place in the
// alphabet up to another, that were not counted yet.
func (d *divider) unknown(prefix string, from, to int) []string {
	var all []string
	for place := from; place < to; place++ {
		if bound := prefix + alphabet[place:place+1]; d.isUnknown(bound) {
			all = append(all, bound)
		}
	}
	return all
}

func (d *divider) isUnknown(bound string) bool {
	return len(bound) <= maxBound && !slices.ContainsFunc(d.points, func(p point) bool { return p.bound == bound })
}

// spread returns up to n of them, evenly spread.
func spread(all []string, n int) []string {
	if len(all) <= n {
		return all
	}
	some := make([]string, n)
	for i := range some {
		some[i] = all[len(all)*(i+1)/(n+1)]
	}
	return some
}

// count asks how many users there are up to each bound, all at the same time, and adds
// the points. The first error cancels the other counts.
func (d *divider) count(ctx context.Context, bounds []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	found := make([]point, len(bounds))
	var asking sync.WaitGroup
	for i, bound := range bounds {
		asking.Go(func() {
			p := &found[i]
			defer crash.Recover(&p.err)
			query := d.request.Query()
			query.Filter = (&partition{Upper: bound}).filter(query.Filter)
			p.bound = bound
			if p.users, p.err = d.directory.Count(ctx, query, &d.stats); p.err != nil {
				cancel()
			}
		})
	}
	asking.Wait()
	d.asked, d.counts = d.asked+len(bounds), d.counts-len(bounds)
	errs := make([]error, len(found))
	for i, p := range found {
		errs[i] = p.err
	}
	if err := firstCause(errs); err != nil {
		return err
	}
	d.points = append(d.points, found...)
	slices.SortFunc(d.points, func(a, b point) int { return cmp.Or(cmp.Compare(a.users, b.users), cmp.Compare(a.bound, b.bound)) })
	return nil
}

// best returns the bounds that come nearest to the targets, without those that would
// make a partition of less than a page.
func (d *divider) best() []string {
	var bounds []string
	last, largest := 0, 0
	for i := range d.parts - 1 {
		p := d.nearest(d.target(i))
		if p.bound == "" || p.users-last < d.page || d.total-p.users < d.page {
			continue
		}
		bounds = append(bounds, p.bound)
		largest = max(largest, p.users-last)
		last = p.users
	}
	if largest = max(largest, d.total-last); largest*100 > d.total*worthwhile {
		return nil
	}
	return bounds
}

func abs(n int) int { return max(n, -n) }
