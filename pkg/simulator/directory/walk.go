package directory

import (
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

// Walk visits the users that existed at the time until yield returns false. To
// resume, it starts at the position from, which means something to the same order
// only. yield must not use the directory, and its user is valid until it returns.
func (d *Directory) Walk(order Order, from int, resume bool, asOf time.Time, yield func(position int, u *people.Person) bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	length := d.positionAt(asOf)
	var u people.Person // outside of the loops, because it escapes
	visit := func(position, index int) bool {
		s := d.stateAt(index, length)
		if s.life != Live {
			return true
		}
		u = d.People.Person(index, s.details)
		return yield(position, &u)
	}
	switch {
	case order.Among != nil:
		for at := max(from, 0); at < len(order.Among); at++ {
			index, byID, ok := d.People.Find(order.Among[at])
			if ok && byID && !visit(at, index) {
				return
			}
		}
	case order.By == "displayName":
		all := d.People.ByDisplayName(d.extent)
		for at := max(from, 0); at < len(all); at++ {
			index := all[at]
			if order.Descending {
				index = all[len(all)-1-at]
			}
			if !visit(at, index) {
				return
			}
		}
	case order.By != "" || order.Within != people.Range{}:
		if !resume {
			from = -1
		}
		d.People.WalkUPN(d.extent, order.Within, order.Descending, from, func(index int) bool { return visit(index, index) })
	default:
		d.walkList(from, resume, visit)
	}
}

// walkList visits the users in the directory's own order.
func (d *Directory) walkList(from int, resume bool, visit func(position, index int) bool) {
	start, end := -len(d.head), d.base+len(d.tail)
	if resume {
		start = max(start, from)
	}
	for position := start; position < end; position++ {
		index := position
		switch {
		case position < 0:
			index = d.head[-position-1]
		case position >= d.base:
			index = d.tail[position-d.base]
		}
		if len(d.at) > 0 {
			if now, moved := d.at[index]; moved && now != position {
				continue
			}
		}
		if !visit(position, index) {
			return
		}
	}
}
