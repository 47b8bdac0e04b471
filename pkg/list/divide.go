package list

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// alphabet holds the characters that bounds are made of, in the order of most
// collations. Where a bound really is, only its count tells: if Graph's order is another
// one, the partitions are less even, but still leave nobody out.
const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"

const (
	// maxBound is the length of the longest bound: names that share a longer prefix
	// stay in one partition.
	maxBound = 48
	// evenness is the fraction of its ideal size by which a partition may miss it.
	evenness = 8
	// counting is how many bounds are counted in one round, all at the same time.
	counting = 16
	// crowd is the part of the list that is a crowd: where one lies between two bounds,
	// a name from among it shows how it is spelled.
	crowd = 4
	// Counting has to cost less than it saves. There is a round for every pagesPerRound
	// pages of the list, and overlapped times as many if the list is read meanwhile; and
	// a count for every pagesPerCount.
	pagesPerRound = 32
	overlapped    = 4
	pagesPerCount = 10
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
	named     map[gap]bool
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
		named:  map[gap]bool{},
		rounds: 1 + pages/pagesPerRound, counts: 4*parts + pages/pagesPerCount,
	}
}

// bounds returns the upper bounds of all partitions but the last, in Graph's order;
// none if the users cannot be divided, or not so that it is worth while.
func (d *divider) bounds(ctx context.Context) (_ []string, err error) {
	defer crash.Recover(&err) // it may have a goroutine of its own
	for ; d.rounds > 0; d.rounds-- {
		candidates, err := d.candidates(ctx)
		if len(candidates) == 0 || err != nil {
			return d.best(), err
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
func (d *divider) candidates(ctx context.Context) ([]string, error) {
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
		g := gap{users: d.total, behind: behind, targets: 1}
		if behind < len(d.points) {
			g.high, g.users = d.points[behind].bound, d.points[behind].users
		}
		if behind > 0 {
			g.low, g.users = d.points[behind-1].bound, g.users-d.points[behind-1].users
		}
		gaps = append(gaps, g)
	}
	var all []string
	for _, g := range gaps {
		spelled, err := d.spelled(ctx, g)
		if err != nil {
			return nil, err
		}
		all = append(all, spelled...)
	}
	for _, g := range gaps {
		for _, bound := range d.between(g, max(1, counting*g.targets/targets)) {
			if !slices.Contains(all, bound) {
				all = append(all, bound)
			}
		}
	}
	return all[:min(len(all), d.counts)], nil
}

// gap is what lies between two neighboring bounds, "" for none, and has some targets in
// it. behind is the place of the upper one among the points.
type gap struct {
	low, high string
	users     int
	behind    int
	targets   int
}

// between returns up to n bounds in a gap, evenly spread, that were not counted yet.
func (d *divider) between(g gap, n int) []string {
	low, high, shared := g.low, g.high, g.shared()
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
		if startsAt(low, i) {
			all = d.unknown(low[:i], after(low, i), len(alphabet))
		}
	}
	return spread(all, n)
}

// shared is how many bytes both bounds begin with.
func (g gap) shared() int {
	n := 0
	for n < len(g.low) && n < len(g.high) && g.low[n] == g.high[n] {
		n++
	}
	for n > 0 && (!startsAt(g.low, n) || !startsAt(g.high, n)) {
		n--
	}
	return n
}

// startsAt reports whether a character of s begins, or s ends, at i.
func startsAt(s string, i int) bool { return i >= len(s) || utf8.RuneStart(s[i]) }

// spelled returns bounds around the beginnings of a name from the gap, if it has a crowd
// in it: the crowd may share them, and then a single round finds out how many. A name
// also shows characters that are not in the alphabet.
func (d *divider) spelled(ctx context.Context, g gap) ([]string, error) {
	if len(d.points) == 0 || g.users <= d.total/crowd || d.named[g] {
		return nil, nil
	}
	d.named[g] = true
	name, err := d.name(ctx, g)
	if err != nil {
		return nil, err
	}
	name, _, _ = strings.Cut(name, "@")
	var all []string
	for i, r := range name {
		end := i + utf8.RuneLen(r)
		if end <= g.shared() || r == utf8.RuneError {
			continue
		}
		for _, bound := range []string{name[:end], name[:i] + string(r+1)} {
			if len(all) < counting && d.isUnknown(bound) {
				all = append(all, bound)
			}
		}
	}
	return all, nil
}

// name returns the userPrincipalName of one of the users in the gap, "" if there is none.
func (d *divider) name(ctx context.Context, g gap) (string, error) {
	request := d.request
	request.Columns, request.PageSize = []property.Column{{Name: "userPrincipalName"}}, 1
	request.Filter = (&partition{Lower: g.low, Upper: g.high}).filter(request.Filter)
	d.asked++
	page, err := d.directory.Page(ctx, request.Query(), "")
	if err != nil {
		return "", err
	}
	defer page.Close()
	for user, err := range page.Users() {
		var found struct{ UserPrincipalName string }
		if err != nil || json.Unmarshal(user.Raw, &found) != nil {
			return "", err
		}
		return found.UserPrincipalName, nil
	}
	return "", nil
}

// after returns the place in the alphabet behind the character of s at i, 0 if there is
// none.
func after(s string, i int) int {
	if i < len(s) {
		return strings.IndexByte(alphabet, s[i]) + 1
	}
	return 0
}

// isBound reports whether a text may be a bound: it can stand in a filter as it is.
func isBound(text string) bool {
	return text != "" && len(text) <= maxBound && utf8.ValidString(text) &&
		!strings.ContainsFunc(text, func(r rune) bool { return r == '\'' || unicode.IsControl(r) })
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
	return isBound(bound) && !slices.ContainsFunc(d.points, func(p point) bool { return p.bound == bound })
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
			p.bound = bound
			if p.users, p.err = d.request.countUpTo(ctx, d.directory, bound, &d.stats); p.err != nil {
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
