package directory

import (
	"cmp"
	"slices"
	"sort"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
)

// Order is how a list is sorted, and whom it is about.
type Order struct {
	// By is "userPrincipalName", "displayName", or empty for the directory's own
	// order.
	By         string
	Descending bool
	// Within are the sign-in names that the list is about. A list that has no order
	// of its own but such a range is sorted by sign-in name.
	Within people.Range
	// Among, when not nil, are the ids of the only users that the list is about.
	Among []string
}

// sortedBy is the property that decides about the order, or empty.
func (o Order) sortedBy() string {
	if o.By == "" && o.Among == nil && o.Within != (people.Range{}) {
		return "userPrincipalName"
	}
	return o.By
}

// Place is a user's place in an order.
type Place struct {
	// Key is what a sorted list is sorted by, and empty in other lists.
	Key string
	// At is the user's index, which decides between equal keys, or the place in a list
	// that is not sorted.
	At int
}

// before says which of two places in a sorted list comes first.
func (o Order) before(a, b Place) bool {
	c := cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.At, b.At))
	return c < 0 != o.Descending && c != 0
}

// PlaceOf is the place of a user whom Walk visits at a number.
func (o Order) PlaceOf(at int, u *people.Person) Place {
	if by := o.sortedBy(); by != "" {
		return Place{u.SortKey(by), at}
	}
	return Place{At: at}
}

// Walk visits the users that existed at the time until yield returns false. To
// resume, it starts at a place, or, in a sorted list, where that place would be. yield
// must not use the directory, and its user is valid until it returns.
func (d *Directory) Walk(order Order, from *Place, asOf time.Time, yield func(at int, u *people.Person) bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	w := &walk{Directory: d, order: order, from: from, length: d.positionAt(asOf), yield: yield}
	switch {
	case order.sortedBy() != "":
		w.sorted()
	case order.Among != nil:
		w.among()
	default:
		w.list()
	}
}

// walk is one visit of users. The directory's lock is taken for all of it.
type walk struct {
	*Directory
	order  Order
	from   *Place // nil for the start
	length int    // of the journal, as the walk sees it
	yield  func(at int, u *people.Person) bool
	user   people.Person // the present one
}

// visit visits the user with the index, who is skipped unless live.
func (w *walk) visit(at, index int) bool {
	s := w.stateAt(index, w.length)
	if s.life != Live {
		return true
	}
	w.user = w.People.Person(index, s.details)
	return w.yield(at, &w.user)
}

// among visits the users who are named.
func (w *walk) among() {
	at := 0
	if w.from != nil {
		at = max(w.from.At, 0)
	}
	for ; at < len(w.order.Among); at++ {
		index, byID, ok := w.People.Find(w.order.Among[at])
		if ok && byID && !w.visit(at, index) {
			return
		}
	}
}

// list visits the users in the directory's own order.
func (w *walk) list() {
	start, end := -len(w.head), w.base+len(w.tail)
	if w.from != nil {
		start = max(start, w.from.At)
	}
	for at := start; at < end; at++ {
		index := at
		switch {
		case at < 0:
			index = w.head[-at-1]
		case at >= w.base:
			index = w.tail[at-w.base]
		}
		if len(w.at) > 0 {
			if now, moved := w.at[index]; moved && now != at {
				continue
			}
		}
		if !w.visit(at, index) {
			return
		}
	}
}

// sorted visits the users in the order of a name. Those with the names that they were
// made with come in order by arithmetic; the renamed ones are merged in.
func (w *walk) sorted() {
	renamed := w.renamed()
	ended := false
	merge := func(until *Place) bool {
		for len(renamed) > 0 && !ended && (until == nil || w.order.before(renamed[0], *until)) {
			ended = !w.visit(renamed[0].At, renamed[0].At)
			renamed = renamed[1:]
		}
		return !ended
	}
	arrived := w.from == nil
	w.unrenamed(func(index int) bool {
		s := w.stateAt(index, w.length)
		if s.life != Live || s.details.Renamed() {
			return true
		}
		w.user = w.People.Person(index, s.details)
		if !arrived || len(renamed) > 0 {
			here := w.order.PlaceOf(index, &w.user)
			if !arrived && w.order.before(here, *w.from) {
				return true
			}
			arrived = true
			if len(renamed) > 0 {
				if !merge(&here) {
					return false
				}
				w.user = w.People.Person(index, s.details)
			}
		}
		ended = !w.yield(index, &w.user)
		return !ended
	})
	merge(nil)
}

// renamed are the places of the renamed users, in order, without those before the
// start.
func (w *walk) renamed() []Place {
	var places []Place
	for index := range w.renames {
		if s := w.stateAt(index, w.length); s.life == Live && s.details.Renamed() {
			u := w.People.Person(index, s.details)
			if place := w.order.PlaceOf(index, &u); w.from == nil || !w.order.before(place, *w.from) {
				places = append(places, place)
			}
		}
	}
	slices.SortFunc(places, func(a, b Place) int {
		if w.order.before(a, b) {
			return -1
		}
		return 1
	})
	return places
}

// unrenamed visits everybody in the order of the names that they were made with,
// starting at or before the start of the walk.
func (w *walk) unrenamed(yield func(index int) bool) {
	if w.order.sortedBy() == "displayName" {
		w.byDisplayName(yield)
		return
	}
	within, start := w.order.Within, -1
	if w.from != nil {
		index, byID, ok := w.People.Find(w.from.Key)
		switch {
		case ok && !byID && index < w.extent:
			start = index
		case w.order.Descending:
			within.High = w.from.Key
		default:
			within.Low = max(within.Low, w.from.Key)
		}
	}
	w.People.WalkUPN(w.extent, within, w.order.Descending, start, yield)
}

func (w *walk) byDisplayName(yield func(index int) bool) {
	all := w.People.ByDisplayName(w.extent)
	at := func(i int) int {
		if w.order.Descending {
			return all[len(all)-1-i]
		}
		return all[i]
	}
	start := 0
	if w.from != nil {
		start = sort.Search(len(all), func(i int) bool {
			u := w.People.Person(at(i), nil)
			return !w.order.before(w.order.PlaceOf(at(i), &u), *w.from)
		})
	}
	for i := start; i < len(all); i++ {
		if !yield(at(i)) {
			return
		}
	}
}
