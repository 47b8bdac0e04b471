package directory

import (
	"sort"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
)

// Life is whether a user exists.
type Life int

// The stages of a user's life.
const (
	Absent  Life = iota // not created yet
	Live                // in the directory
	Deleted             // deleted, and can be restored
	Purged              // deleted for good
)

func (l Life) String() string { return [...]string{"absent", "there", "deleted", "purged"}[l] }

// What is a set of things about users that change.
type What uint8

// What changes about a user.
const (
	Creation What = 1 << iota
	Existence
	UserPrincipalName
	DisplayName
	Department
	Manager
)

// state is what a user is from one change to the next.
type state struct {
	life    Life
	details *people.Details // nil for a user who is as made; never modified
}

// change is one entry of the journal.
type change struct {
	at    time.Time
	index int
	what  What
	state state // of the user, afterwards
	size  int   // of the directory, afterwards
}

// enter adds an entry to the journal. The caller has the lock.
func (d *Directory) enter(index int, what What, after state) {
	size := d.sizeAt(len(d.journal))
	if d.stateAt(index, len(d.journal)).life == Live {
		size--
	}
	if after.life == Live {
		size++
	}
	d.history[index] = append(d.history[index], len(d.journal))
	d.journal = append(d.journal, change{at: time.Now(), index: index, what: what, state: after, size: size})
	if d.watch != nil {
		d.watch(index, after.life)
	}
}

// positionAt is how much of the journal had been written at the time. The caller has
// the lock.
func (d *Directory) positionAt(asOf time.Time) int {
	n := len(d.journal)
	if n == 0 || !d.journal[n-1].at.After(asOf) {
		return n
	}
	return sort.Search(n, func(i int) bool { return d.journal[i].at.After(asOf) })
}

// stateAt is what the user was when the journal had the length. The caller has the
// lock.
func (d *Directory) stateAt(index, length int) state {
	if own := d.history[index]; len(own) > 0 {
		if n := sort.SearchInts(own, length); n > 0 {
			return d.journal[own[n-1]].state
		}
	}
	if index < 0 || index >= d.base {
		return state{}
	}
	return state{life: Live}
}

// sizeAt counts the users when the journal had the length. The caller has the lock.
func (d *Directory) sizeAt(length int) int {
	if length == 0 {
		return d.base
	}
	return d.journal[length-1].size
}

// Position is how many changes the journal held at the time. It only grows, and so
// says which changes are older and which younger than a moment.
func (d *Directory) Position(asOf time.Time) int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.positionAt(asOf)
}

// Size counts the users at the time.
func (d *Directory) Size(asOf time.Time) int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.sizeAt(d.positionAt(asOf))
}

// Extent is how many users there have ever been, and so the next one's index.
func (d *Directory) Extent() int {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.extent
}

// Person makes the user with the index as it is now, or as it would be or was last.
func (d *Directory) Person(index int) people.Person {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.People.Person(index, d.stateAt(index, len(d.journal)).details)
}

// User makes a user who existed at the time.
func (d *Directory) User(index int, asOf time.Time) (u people.Person, ok bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	s := d.stateAt(index, d.positionAt(asOf))
	if s.life != Live {
		return u, false
	}
	return d.People.Person(index, s.details), true
}

// Find makes a user who existed at the time and had the key, an object id or else a
// sign-in name, in any case.
func (d *Directory) Find(key string, asOf time.Time) (u people.Person, byID, ok bool) {
	index, byID, made := d.People.Find(key)
	if byID {
		u, ok = d.User(index, asOf)
		return u, true, made && ok
	}
	key = strings.ToLower(key)
	d.mu.RLock()
	taker, taken := d.takers[key]
	d.mu.RUnlock()
	if taken {
		if u, ok = d.User(taker, asOf); ok && u.SortKey("userPrincipalName") == key {
			return u, false, true
		}
	}
	u, ok = d.User(index, asOf)
	return u, false, made && ok && u.SortKey("userPrincipalName") == key
}

// Changed is what has happened to one user between two positions of the journal.
type Changed struct {
	// Position is that of the user's last change.
	Position int
	// Life is whether the user exists since then, What has changed altogether.
	Life Life
	What What
	User people.Person
}

// Changes visits the users with changes between the positions from and to of the
// journal, each at its last change, until yield returns false. To resume, it starts
// at the position resume.
func (d *Directory) Changes(from, resume, to int, yield func(c *Changed) bool) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	for position := resume; position < min(to, len(d.journal)); position++ {
		last := d.journal[position]
		own := d.history[last.index]
		own = own[sort.SearchInts(own, from):sort.SearchInts(own, to)]
		if own[len(own)-1] != position {
			continue // changed once more later
		}
		c := Changed{Position: position, Life: last.state.life, User: d.People.Person(last.index, last.state.details)}
		for _, at := range own {
			c.What |= d.journal[at].what
		}
		if !yield(&c) {
			return
		}
	}
}

// Change is one entry of the journal, as a replay shows it.
func (d *Directory) Change(position int) Changed {
	d.mu.RLock()
	defer d.mu.RUnlock()
	entry := d.journal[position]
	return Changed{
		Position: position, Life: entry.state.life, What: entry.what,
		User: d.People.Person(entry.index, entry.state.details),
	}
}
