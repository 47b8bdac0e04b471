// Package directory is who exists in a simulated tenant: the users it started
// with, minus those deleted, plus those created, in the order in which they are
// listed. Only changes are kept, each with its time, so that a lagging replica is
// the directory as it was a while ago. The package imports packages guid and
// people only.
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
	base    int
	created []time.Time       // when each user beyond base was made
	deleted map[int]time.Time // by index
	head    []int             // moved to the front; the last is the first in the list
	tail    []int             // created, or moved to the end
	at      map[int]int       // where in the list a moved user is now
}

// New makes a directory of the first users of people.
func New(people *people.People, users int) *Directory {
	return &Directory{
		People: people, started: time.Now(), base: users,
		deleted: map[int]time.Time{}, at: map[int]int{},
	}
}

// Create adds a user at the end of the list and returns its index.
func (d *Directory) Create() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	index := d.base + len(d.created)
	d.created = append(d.created, time.Now())
	d.tail = append(d.tail, index)
	return index
}

// Delete removes a user.
func (d *Directory) Delete(index int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := time.Now()
	if !d.present(index, now) {
		return fmt.Errorf("delete user %d: there is no such user", index)
	}
	d.deleted[index] = now
	return nil
}

// Move lists a user elsewhere: before everybody else, or last.
func (d *Directory) Move(index int, front bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.present(index, time.Now()) {
		return fmt.Errorf("move user %d: there is no such user", index)
	}
	if front {
		d.head = append(d.head, index)
		d.at[index] = -len(d.head)
		return nil
	}
	d.tail = append(d.tail, index)
	d.at[index] = d.base + len(d.tail) - 1
	return nil
}

// present says whether the user existed at the time. The caller has the lock.
func (d *Directory) present(index int, asOf time.Time) bool {
	if index < 0 {
		return false
	}
	if n := index - d.base; n >= 0 && (n >= len(d.created) || d.created[n].After(asOf)) {
		return false
	}
	if len(d.deleted) == 0 {
		return true
	}
	gone, ok := d.deleted[index]
	return !ok || gone.After(asOf)
}

// Exists says whether the user existed at the time.
func (d *Directory) Exists(index int, asOf time.Time) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.present(index, asOf)
}

// Size counts the users at the time.
func (d *Directory) Size(asOf time.Time) int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	n := d.base
	for _, t := range d.created {
		if !t.After(asOf) {
			n++
		}
	}
	for _, t := range d.deleted {
		if !t.After(asOf) {
			n--
		}
	}
	return n
}

// extent is how many indices have ever been given out.
func (d *Directory) extent() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.base + len(d.created)
}
