// Package people makes the users of a simulated tenant: their names, the values
// of all their properties, and their JSON as Graph writes it.
//
// A user is a function of a seed and an index, so a tenant of ten million users
// takes no more memory than one of ten. Users are found by object id, by sign-in
// name and in sorted order by arithmetic too. The package knows nothing of who
// exists; it imports packages guid and property only.
package people

import (
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
)

// People makes users. It holds the tables that they are made from, never a user.
type People struct {
	seed     uint64
	domain   string
	hostile  bool
	agents   bool
	cultures []culture
	pairs    int // how many pairs of names there are
	company  company
	names    []string // hostile display names
	numerals []string // hostile employee ids
	shift    int      // the seed's part in which pair an index gets
	back     int      // undoes the stride
	ranks    func() *ranking

	mu      sync.Mutex
	display []int // the last order by display name
}

// Config says which people there are.
type Config struct {
	// Seed decides about their names and properties.
	Seed uint64
	// Domain is that of their sign-in names.
	Domain string
	// Hostile gives every eighth user hostile values; without it one in a
	// thousand has a hostile name.
	Hostile bool
	// Agents makes one in 40 users the account of an AI agent.
	Agents bool
}

// New makes people.
func New(config Config) *People {
	p := &People{
		seed: config.Seed, domain: config.Domain, hostile: config.Hostile, agents: config.Agents,
		cultures: readCultures(), company: contoso(), names: hostileNames(), numerals: numerals(),
	}
	p.pairs = len(p.cultures) * culturePairs
	p.shift, p.back = int(guid.Mix(p.seed)%uint64(p.pairs)), inverse(stride, p.pairs)
	p.ranks = sync.OnceValue(func() *ranking { return rank(p.cultures) })
	return p
}

// stride walks the pairs so that neighbours in the list have nothing in common.
// It is a prime and so has no divisor in common with their number.
const stride = 7919

// pairOf returns which pair the user with the index has. Each pair comes once
// before the first is repeated.
func (p *People) pairOf(index int) int { return (index%p.pairs*stride + p.shift) % p.pairs }

// slotOf undoes pairOf for the first users.
func (p *People) slotOf(pair int) int {
	return (pair + p.pairs - p.shift) % p.pairs * p.back % p.pairs
}

// inverse returns the number that times a is 1 modulo n, by Euclid's algorithm.
func inverse(a, n int) int {
	r0, r1 := n, a%n
	t0, t1 := 0, 1
	for r1 != 0 {
		q := r0 / r1
		r0, r1 = r1, r0%r1
		t0, t1 = t1, t0-q*t1
	}
	return (t0%n + n) % n
}

// ID returns the object id of the user with the index.
func (p *People) ID(index int) guid.GUID { return guid.OfUser(p.seed, uint64(index)) }

// Find finds the user whose key is an object id or else a sign-in name, in any
// case. It is found whether it exists in the directory or not.
func (p *People) Find(key string) (index int, byID, ok bool) {
	id, byID := guid.Parse(key)
	if !byID {
		index, ok = p.findUPN(key)
		return index, false, ok
	}
	n, ok := id.User(p.seed)
	return int(n), true, ok
}

// Manager returns the index of the user's manager. The first user has none, and
// a guest manages nobody.
func (p *People) Manager(index int) (int, bool) {
	for index > 0 {
		index = (index - 1) / 7
		if m := p.Person(index, nil); !m.guest {
			return index, true
		}
	}
	return 0, false
}

// Person is one user, before it is written.
type Person struct {
	*People
	index   int
	pair    pair
	round   int    // how many users of the same pair come before
	bits    uint64 // what the seed decided about this user
	more    uint64 // and more of it
	guest   bool
	hostile int      // which hostile display name, or -1
	details *Details // what has changed since, or nil
}

// Person makes the user with the index. details, which may be nil, are what has
// changed about the user.
func (p *People) Person(index int, details *Details) Person {
	bits := guid.Mix(uint64(index)*guid.SaltPermute ^ p.seed ^ guid.SaltCheck)
	u := Person{
		People: p, index: index, pair: pairAt(p.cultures, p.pairOf(index)), round: index / p.pairs,
		bits: bits, more: guid.Mix(bits ^ guid.SaltCheck), hostile: -1, details: details,
	}
	u.guest = index > 0 && bits%100 < 8
	every := 1000
	if p.hostile {
		every = hostileEvery
	}
	if index%every == every/2 {
		u.hostile = index / every % len(p.names)
	}
	return u
}

// hostileEvery is how many users of a hostile tenant share one with hostile values.
const hostileEvery = 8

// nasty is true for users of a hostile tenant whose values are, not only their names.
func (u *Person) nasty() bool { return u.People.hostile && u.hostile >= 0 }

// pick returns a number below n from the user's random bits; each at serves one
// decision.
func (u *Person) pick(at uint, n uint64) uint64 { return u.more >> at & 0xffff % n }

func (u *Person) office() *office         { return &u.company.offices[u.pick(0, 12)] }
func (u *Person) department() *department { return &u.company.departments[u.pick(4, 14)] }
func (u *Person) guestDomain() string     { return u.company.guestDomains[u.pick(4, 6)] }

// The gaps of a real directory: who lacks what.
func (u *Person) agent() bool         { return u.agents && u.index%40 == 23 }
func (u *Person) enabled() bool       { return u.pick(8, 100) >= 6 }
func (u *Person) isGuest() bool       { return u.guest }
func (u *Person) isMember() bool      { return !u.guest }
func (u *Person) hasType() bool       { return u.guest || u.index == 0 || u.pick(33, 1000) != 0 } // very old accounts have none
func (u *Person) hasDepartment() bool { return !u.guest && u.pick(12, 100) >= 7 }
func (u *Person) hasEmployeeID() bool { return !u.guest && u.pick(16, 100) >= 5 }
func (u *Person) hasMail() bool       { return u.guest || u.pick(20, 100) >= 4 }
func (u *Person) hasMobile() bool     { return u.pick(24, 100) < 40 }
func (u *Person) synced() bool        { return !u.guest && u.pick(28, 100) < 60 }
func (u *Person) licensed() bool      { return !u.guest && u.pick(32, 100) < 85 }
func (u *Person) hasCreated() bool    { return u.pick(36, 1000) >= 9 }
func (u *Person) signedIn() bool      { return u.pick(40, 100) < 80 }
func (u *Person) hired() bool         { return !u.guest && u.pick(44, 100) < 70 }
func (u *Person) left() bool          { return u.hired() && u.pick(29, 50) == 0 }
func (u *Person) minor() bool         { return u.pick(23, 200) == 0 }

const day = 86400

// created is when the account was made, in seconds since 1970: between June 2018
// and mid 2024.
func (u *Person) created() int64 { return 1527811200 + int64(u.bits>>16%190_000_000) }

// appendDate writes seconds since 1970 as Graph writes a DateTimeOffset.
func appendDate(dst []byte, unix int64) []byte {
	return time.Unix(unix, 0).UTC().AppendFormat(dst, time.RFC3339)
}
