package simulator

import (
	"cmp"
	"slices"
	"sort"
	"strings"
	"sync"
	"time"
)

// Sign-in names are made so that their order can be walked without sorting the
// tenant: "given.surname", a number for namesakes, then "@" or "_". All these
// end signs sort between the hyphens and the letters of names, so names sort as
// their bases do, and namesakes as their numbers' text does.

// ranking is the order of the pairs' bases.
type ranking struct {
	bases  []string // in order
	pairs  []uint64 // the pair of each
	rankOf []int    // by pair
}

func rank(cultures []culture) *ranking {
	n := len(cultures) * bearers
	r := &ranking{bases: make([]string, n), pairs: make([]uint64, n), rankOf: make([]int, n)}
	names := make([]string, n)
	for i := range n {
		r.pairs[i] = uint64(i)
		names[i] = string(pairAt(cultures, uint64(i)).appendBase(nil)) + "@"
	}
	slices.SortFunc(r.pairs, func(a, b uint64) int { return strings.Compare(names[a], names[b]) })
	for i, pair := range r.pairs {
		r.bases[i] = strings.TrimSuffix(names[pair], "@")
		r.rankOf[pair] = i
	}
	return r
}

// find gives the pair with the base.
func (r *ranking) find(base string) (pair uint64, ok bool) {
	i := sort.Search(len(r.bases), func(i int) bool { return r.bases[i]+"@" >= base+"@" })
	if i == len(r.bases) || r.bases[i] != base {
		return 0, false
	}
	return r.pairs[i], true
}

// roundsByName gives the first n rounds in the order of their suffixes' text:
// 10, 11, ..., 2, 20, ..., none.
func roundsByName(n uint64) (byRank []uint64, rankOf []int) {
	byRank = make([]uint64, n)
	keys := make([]string, n)
	for i := range byRank {
		byRank[i] = uint64(i)
		keys[i] = string(append(appendSuffix(nil, uint64(i)), '@'))
	}
	slices.SortFunc(byRank, func(a, b uint64) int { return cmp.Compare(keys[a], keys[b]) })
	rankOf = make([]int, n)
	for rank, round := range byRank {
		rankOf[round] = rank
	}
	return byRank, rankOf
}

// span is a closed range of sign-in names in folded form; an empty bound is open.
type span struct{ lo, hi string }

// upnWalk is a walk through the users in the order of their sign-in names.
type upnWalk struct {
	people *people
	extent uint64
	span   span
	desc   bool
}

// run visits every index of the walk that has been given out, starting with the
// user from (when resume is true). A superset of the span is visited; the
// filter has the last word.
func (w upnWalk) run(from uint64, resume bool, yield func(index uint64) bool) {
	r, n := w.people.ranks(), w.people.pairs
	rounds, roundRank := roundsByName(w.extent/n + 1)
	lo := sort.Search(len(r.bases), func(i int) bool { return r.bases[i]+"`" >= w.span.lo })
	hi := len(r.bases)
	if w.span.hi != "" {
		hi = lo + sort.Search(len(r.bases)-lo, func(i int) bool { return r.bases[lo+i]+"0" > w.span.hi })
	}
	width := len(rounds)
	at, end, step := lo*width, hi*width, 1
	if w.desc {
		at, end, step = end-1, at-1, -1
	}
	if resume {
		at = r.rankOf[w.people.pairOf(from)]*width + roundRank[from/n]
	}
	slot, last := uint64(0), -1
	for ; at != end && (at < end) == (step > 0); at += step {
		if rank := at / width; rank != last {
			slot, last = w.people.slotOf(r.pairs[rank]), rank
		}
		index := rounds[at%width]*n + slot
		if index < w.extent && !yield(index) {
			return
		}
	}
}

// byDisplayName sorts the whole tenant by display name: 8 bytes a user, and only
// when somebody asks for that order.
func (p *people) byDisplayName(extent uint64) []uint64 {
	ranks := p.displayRanks()
	keys := make([]int, extent)
	order := make([]uint64, extent)
	for i := range order {
		u := p.person(uint64(i))
		order[i], keys[i] = u.index, ranks[string(u.appendDisplayName(nil))]
	}
	slices.SortStableFunc(order, func(a, b uint64) int { return cmp.Compare(keys[a], keys[b]) })
	return order
}

// appendDisplayName writes the display name as the JSON has it, without quotes.
func (u *person) appendDisplayName(dst []byte) []byte {
	if u.nasty >= 0 {
		return append(dst, u.names[u.nasty]...)
	}
	return u.pair.appendDisplay(dst)
}

// displayRanks gives every display name its place among all.
func (p *people) displayRanks() map[string]int {
	type entry struct{ name, key string }
	var all []entry
	add := func(name string) { all = append(all, entry{name, foldKey(unescape(name))}) }
	for _, name := range p.names {
		add(name)
	}
	for i := range p.pairs {
		add(string(pairAt(p.culture, i).appendDisplay(nil)))
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.name, b.name)) })
	ranks := make(map[string]int, len(all))
	for i, e := range all {
		ranks[e.name] = i
	}
	return ranks
}

// displayOrder caches the last such sorting.
type displayOrder struct {
	mu    sync.Mutex
	order []uint64
}

func (d *displayOrder) get(p *people, extent uint64) []uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	if uint64(len(d.order)) != extent {
		d.order = p.byDisplayName(extent)
	}
	return d.order
}

// walkUsers visits the users that exist at the time, in the query's order, from
// a position on. Positions mean something to the same query only.
func (t *Tenant) walkUsers(q *listQuery, from int64, resume bool, asOf time.Time, yield func(pos int64, index uint64) bool) {
	switch {
	case q.order == orderUPN || q.order == orderUPNDesc || q.order == orderNone && q.span != (span{}):
		w := upnWalk{people: t.people, extent: t.roster.extent(), span: q.span, desc: q.order == orderUPNDesc}
		w.run(unsigned(from), resume, func(index uint64) bool {
			return !t.roster.exists(index, asOf) || yield(signed(index), index)
		})
	case q.order == orderName || q.order == orderNameDesc:
		order := t.display.get(t.people, t.roster.extent())
		for at := max(from, 0); at < int64(len(order)); at++ {
			index := order[at]
			if q.order == orderNameDesc {
				index = order[int64(len(order))-1-at]
			}
			if t.roster.exists(index, asOf) && !yield(at, index) {
				return
			}
		}
	default:
		if !resume {
			from = t.roster.first()
		}
		t.roster.walk(from, asOf, yield)
	}
}
