package simulator

import (
	"fmt"
	"sync"
	"time"
)

// roster knows who is in the directory: the users it started with, minus those
// deleted, plus those created, and in which order they are listed. Only changes
// are kept.
type roster struct {
	mu      sync.RWMutex
	base    uint64
	created []time.Time          // when each user beyond base was made
	deleted map[uint64]time.Time // by index
	head    []uint64             // moved to the front; the last is the first in the list
	tail    []uint64             // created, or moved to the end
	at      map[uint64]int64     // where in the list a moved user is now
}

func newRoster(users int) *roster {
	return &roster{base: uint64(max(users, 0)), deleted: map[uint64]time.Time{}, at: map[uint64]int64{}}
}

// create adds a user at the end of the list.
func (r *roster) create(now time.Time) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	index := r.base + uint64(len(r.created))
	r.created = append(r.created, now)
	r.tail = append(r.tail, index)
	return index
}

// remove deletes a user.
func (r *roster) remove(index uint64, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.present(index, now) {
		return fmt.Errorf("delete user %d: there is no such user", index)
	}
	r.deleted[index] = now
	return nil
}

// move lists a user elsewhere: in front of everybody, or behind.
func (r *roster) move(index uint64, front bool, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.present(index, now) {
		return fmt.Errorf("move user %d: there is no such user", index)
	}
	if front {
		r.head = append(r.head, index)
		r.at[index] = -int64(len(r.head))
		return nil
	}
	r.tail = append(r.tail, index)
	r.at[index] = signed(r.base) + int64(len(r.tail)) - 1
	return nil
}

// present says whether the user existed at the time. The caller holds the lock.
func (r *roster) present(index uint64, asOf time.Time) bool {
	if index >= r.base {
		n := index - r.base
		if n >= uint64(len(r.created)) || r.created[n].After(asOf) {
			return false
		}
	}
	if len(r.deleted) == 0 {
		return true
	}
	gone, ok := r.deleted[index]
	return !ok || gone.After(asOf)
}

// exists says whether the user existed at the time.
func (r *roster) exists(index uint64, asOf time.Time) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.present(index, asOf)
}

// size counts the users at the time.
func (r *roster) size(asOf time.Time) int {
	r.mu.RLock()
	defer r.mu.RUnlock()
	n := count(r.base)
	for _, t := range r.created {
		if !t.After(asOf) {
			n++
		}
	}
	for _, t := range r.deleted {
		if !t.After(asOf) {
			n--
		}
	}
	return n
}

// extent is how many indices have ever been given out.
func (r *roster) extent() uint64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.base + uint64(len(r.created))
}

// first is the position at which the list starts.
func (r *roster) first() int64 {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return -int64(len(r.head))
}

// walk visits the users of the list from a position on, until yield says no.
func (r *roster) walk(from int64, asOf time.Time, yield func(pos int64, index uint64) bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	end := signed(r.base) + int64(len(r.tail))
	for pos := max(from, -int64(len(r.head))); pos < end; pos++ {
		index := unsigned(pos)
		switch {
		case pos < 0:
			index = r.head[-pos-1]
		case pos >= signed(r.base):
			index = r.tail[pos-signed(r.base)]
		}
		if len(r.at) > 0 {
			if now, moved := r.at[index]; moved && now != pos {
				continue
			}
		}
		if r.present(index, asOf) && !yield(pos, index) {
			return
		}
	}
}
