package directory

import (
	"maps"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
)

// Deleted visits the users who could be restored at the time, with the moments of their
// deletion, by their index from a given one on, until yield returns false.
func (d *Directory) Deleted(from int, asOf time.Time, yield func(index int, u *people.Person, at time.Time) bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	length := d.positionAt(asOf)
	for _, index := range slices.Sorted(maps.Keys(d.history)) {
		s := d.stateAt(index, length)
		if index < from || s.life != Deleted {
			continue
		}
		u := d.People.Person(index, s.details)
		if !yield(index, &u, d.deletedAt(index, length)) {
			return
		}
	}
}

// deletedAt is when a user was deleted, who has been since. The caller has the lock.
func (d *Directory) deletedAt(index, length int) (at time.Time) {
	for _, position := range d.history[index] {
		if c := d.journal[position]; position < length && c.state.life == Deleted {
			at = c.at
		}
	}
	return at
}
