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
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
)

// Directory knows which users exist, and where they stand in the list.
type Directory struct {
	People  *people.People
	started time.Time
	churned atomic.Int64
	watch   func(index int, life Life)

	mu      sync.RWMutex
	base    int // how many users there were at the start
	extent  int // how many indices have been given out
	journal []change
	history map[int][]int  // where in the journal each changed user's changes are
	head    []int          // moved to the front; the last is the first in the list
	tail    []int          // created, or moved to the end
	at      map[int]int    // where in the list a moved user is now
	renames map[int]bool   // who has ever been renamed
	takers  map[string]int // who took a sign-in name last, by the name in lower case
}

// New makes a directory of the first users of people. watch, which may be nil, is called
// with each change and what the user is since; it must not use the directory.
func New(people *people.People, users int, watch func(index int, life Life)) *Directory {
	return &Directory{
		People: people, started: time.Now(), watch: watch, base: users, extent: users,
		history: map[int][]int{}, at: map[int]int{}, renames: map[int]bool{}, takers: map[string]int{},
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

// SetManager gives a user another manager, or none with a negative index.
func (d *Directory) SetManager(index, manager int) error {
	return d.change("change the manager of", index, Live, func(s state) (What, state, error) {
		if manager == index || manager >= d.extent {
			return 0, s, fmt.Errorf("user %d cannot be its manager", manager)
		}
		return Manager, state{Live, s.details.WithManager(manager)}, nil
	})
}

// Rename gives a user another sign-in name and a display name that goes with it. The
// user moves in the list: to the front with a name that sorts before the old one, else
// to the end.
func (d *Directory) Rename(index int, userPrincipalName string) error {
	return d.change("rename", index, Live, func(s state) (What, state, error) {
		local, domain, _ := strings.Cut(userPrincipalName, "@")
		key := strings.ToLower(userPrincipalName)
		if local == "" || domain == "" || strings.ContainsAny(key, `"\/`) || strings.IndexFunc(key, unicode.IsControl) >= 0 {
			return 0, s, fmt.Errorf("%q is no userPrincipalName", userPrincipalName)
		}
		if owner, made := d.owner(key); made && owner != index {
			return 0, s, fmt.Errorf("%s is the name of user %d", userPrincipalName, owner)
		}
		before := d.People.Person(index, s.details)
		d.renames[index], d.takers[key] = true, index
		d.move(index, key < before.SortKey("userPrincipalName"))
		return UserPrincipalName | DisplayName, state{Live, s.details.WithNames(userPrincipalName, displayNameOf(local))}, nil
	})
}

// owner finds the user who has a sign-in name, given in lower case, or who was or will
// be made with it. The caller has the lock.
func (d *Directory) owner(key string) (index int, ok bool) {
	if index, ok = d.takers[key]; ok {
		s := d.stateAt(index, len(d.journal))
		u := d.People.Person(index, s.details)
		if s.life != Purged && u.SortKey("userPrincipalName") == key {
			return index, true
		}
	}
	index, byID, ok := d.People.Find(key)
	return index, ok && !byID
}

// displayNameOf makes a display name of a sign-in name: Anna Smith of anna.smith.
func displayNameOf(local string) string {
	words := strings.FieldsFunc(local, func(r rune) bool { return strings.ContainsRune("._-", r) })
	for i, word := range words {
		first, size := utf8.DecodeRuneInString(word)
		words[i] = string(unicode.ToUpper(first)) + word[size:]
	}
	return strings.Join(words, " ")
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
