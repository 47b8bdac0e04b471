package people

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// Sign-in names are made so that their order can be walked without sorting the
// tenant: "given.surname", a number for namesakes, then "@" or "_". All these
// end signs sort between the hyphens and the letters of names, so names sort as
// their bases do, and namesakes as their numbers' text does.

// ranking is the order of the pairs' bases.
type ranking struct {
	bases  []string // in order
	pairs  []int    // the pair of each
	rankOf []int    // by pair
}

func rank(cultures []culture) *ranking {
	n := len(cultures) * culturePairs
	names := make([]string, n)
	for i := range n {
		names[i] = string(pairAt(cultures, i).appendBase(nil)) + "@"
	}
	r := &ranking{bases: make([]string, n)}
	r.pairs, r.rankOf = sortedBy(names)
	for i, pair := range r.pairs {
		r.bases[i] = strings.TrimSuffix(names[pair], "@")
	}
	return r
}

// find returns the pair with the base.
func (r *ranking) find(base string) (pair int, ok bool) {
	i := sort.Search(len(r.bases), func(i int) bool { return r.bases[i]+"@" >= base+"@" })
	if i == len(r.bases) || r.bases[i] != base {
		return 0, false
	}
	return r.pairs[i], true
}

// sortedBy returns the keys' indices in the order of the keys, and the place of
// each index in it.
func sortedBy(keys []string) (order, placeOf []int) {
	order, placeOf = make([]int, len(keys)), make([]int, len(keys))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
	for place, i := range order {
		placeOf[i] = place
	}
	return order, placeOf
}

// roundsByName returns the first n rounds in the order of their suffixes' text:
// 10, 11, ..., 2, 20, ..., none; and the place of each.
func roundsByName(n int) (rounds, placeOf []int) {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = string(append(appendSuffix(nil, i), '@'))
	}
	return sortedBy(keys)
}

// Range is a closed range of sign-in names in lower case; an empty bound is open.
type Range struct{ Low, High string }

// WalkUPN visits the users below the index extent in the order of their sign-in
// names, starting with the user from (or, when from is negative, with the first),
// until yield returns false. It may visit users outside of the range, which the
// caller must skip.
func (p *People) WalkUPN(extent int, within Range, descending bool, from int, yield func(index int) bool) {
	r, n := p.ranks(), p.pairs
	rounds, placeOf := roundsByName(extent/n + 1)
	low := sort.Search(len(r.bases), func(i int) bool { return r.bases[i]+"`" >= within.Low })
	high := len(r.bases)
	if within.High != "" {
		high = low + sort.Search(len(r.bases)-low, func(i int) bool { return r.bases[low+i]+"0" > within.High })
	}
	width := len(rounds)
	at, end, step := low*width, high*width, 1
	if descending {
		at, end, step = end-1, at-1, -1
	}
	if from >= 0 {
		at = r.rankOf[p.pairOf(from)]*width + placeOf[from/n]
	}
	slot, last := 0, -1
	for ; at != end && (at < end) == (step > 0); at += step {
		if rank := at / width; rank != last {
			slot, last = p.slotOf(r.pairs[rank]), rank
		}
		index := rounds[at%width]*n + slot
		if index < extent && !yield(index) {
			return
		}
	}
}

// ByDisplayName returns the indices below extent, sorted by display name. The
// order takes 8 bytes a user and is kept until the tenant grows.
func (p *People) ByDisplayName(extent int) []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.display) == extent {
		return p.display
	}
	ranks := p.displayRanks()
	keys := make([]int, extent)
	order := make([]int, extent)
	for i := range order {
		u := p.Person(i, nil)
		order[i], keys[i] = i, ranks[string(u.appendDisplayName(nil))]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(keys[a], keys[b]) })
	p.display = order
	return order
}

// SortKey is what the user is sorted by in a list that is sorted by displayName or by
// userPrincipalName.
func (u *Person) SortKey(by string) string {
	if by == "displayName" {
		return displayKey(string(u.appendDisplayName(nil)))
	}
	return strings.ToLower(u.UserPrincipalName())
}

// displayKey is the sort key of a display name, the inside of a JSON string.
func displayKey(name string) string { return string(Fold(nil, []byte(`"`+name+`"`))) + "\x00" + name }

// displayRanks gives every display name its place among all.
func (p *People) displayRanks() map[string]int {
	names := slices.Clone(p.names)
	for i := range p.pairs {
		names = append(names, string(pairAt(p.cultures, i).appendDisplay(nil)))
	}
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = displayKey(name)
	}
	order, _ := sortedBy(keys)
	ranks := make(map[string]int, len(names))
	for place, i := range order {
		ranks[names[i]] = place
	}
	return ranks
}
