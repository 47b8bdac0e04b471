// Package directory is who exists in a simulated tenant: the users it started
// with, and what has happened to them since, in the order in which they are listed.
//
// Only changes are kept, in a journal. What the journal says of a user at a moment
// is that user's state, so a lagging replica is the directory as it was a while ago,
// and a delta query is a reading of the journal. The package imports packages guid
// and people only.
package directory

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
)

// Directory knows which users exist, and where they stand in the list.
type Directory struct {
	People  *people.People
	started time.Time
	churned atomic.Int64

	mu      sync.RWMutex
	base    int // how many users there were at the start
	extent  int // how many indices have been given out
	journal []change
	history map[int][]int // where in the journal each changed user's changes are
	head    []int         // moved to the front; the last is the first in the list
	tail    []int         // created, or moved to the end
	at      map[int]int   // where in the list a moved user is now
}

// New makes a directory of the first users of people.
func New(people *people.People, users int) *Directory {
	return &Directory{
		People: people, started: time.Now(), base: users, extent: users,
		history: map[int][]int{}, at: map[int]int{},
	}
}

// Create adds a user at the end of the list and returns its index.
func (d *Directory) Create() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	index := d.extent
	d.extent++
	d.tail = append(d.tail, index)
	d.enter(index, Creation, state{life: Live})
	return index
}

// Delete removes a user, who can be restored.
func (d *Directory) Delete(index int) error { return d.pass("delete", index, Live, Deleted) }

// Restore brings a deleted user back.
func (d *Directory) Restore(index int) error { return d.pass("restore", index, Deleted, Live) }

// Purge removes a deleted user for good.
func (d *Directory) Purge(index int) error { return d.pass("purge", index, Deleted, Purged) }

func (d *Directory) pass(verb string, index int, from, to Life) error {
	return d.change(verb, index, from, func(s state) (What, state, error) { return Existence, state{to, s.details}, nil })
}

// SetDepartment changes a user's department; an empty one is null.
func (d *Directory) SetDepartment(index int, department string) error {
	return d.change("change", index, Live, func(s state) (What, state, error) {
		return Department, state{Live, s.details.WithDepartment(department)}, nil
	})
}

// Move lists a user elsewhere: before everybody else, or last.
func (d *Directory) Move(index int, front bool) error {
	return d.change("move", index, Live, func(s state) (What, state, error) {
		d.move(index, front)
		return 0, s, nil
	})
}

// change enters what becomes of a user who is in a stage of life. Nothing is entered
// where nothing of the user changes.
func (d *Directory) change(verb string, index int, from Life, to func(before state) (What, state, error)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := d.stateAt(index, len(d.journal))
	if before.life != from {
		return fmt.Errorf("%s user %d: the user is %v", verb, index, before.life)
	}
	what, after, err := to(before)
	if err != nil {
		return fmt.Errorf("%s user %d: %w", verb, index, err)
	}
	if what != 0 {
		d.enter(index, what, after)
	}
	return nil
}

func (d *Directory) move(index int, front bool) {
	if front {
		d.head = append(d.head, index)
		d.at[index] = -len(d.head)
		return
	}
	d.tail = append(d.tail, index)
	d.at[index] = d.base + len(d.tail) - 1
}
