package simulator

import (
	"sync"
	"time"
)

// people makes users. It holds the tables they are made from, never a user.
type people struct {
	seed    uint64
	domain  string
	nasty   bool
	culture []culture
	pairs   uint64 // how many pairs of names there are
	offices [12]office
	parts   [14]department
	firms   [4]string
	guests  [6]string
	names   []string // nasty display names
	shift   uint64   // the seed's part in which pair an index gets
	back    uint64   // undoes the stride
	ranks   func() *ranking
}

func newPeople(seed uint64, domain string, nasty bool) *people {
	p := &people{
		seed: seed, domain: domain, nasty: nasty,
		culture: readCultures(), offices: offices(), parts: departments(), firms: companies(), guests: guestDomains(),
		names: nastyNames(),
	}
	p.pairs = uint64(len(p.culture)) * bearers
	p.shift, p.back = mix(seed)%p.pairs, inverse(stride, p.pairs)
	p.ranks = sync.OnceValue(func() *ranking { return rank(p.culture) })
	return p
}

// stride walks the pairs so that neighbours in the list have nothing in common.
// It is a prime and so has no divisor in common with their number.
const stride = 7919

// pairOf says which pair the user with the index bears. Each pair comes once
// before the first comes again.
func (p *people) pairOf(index uint64) uint64 { return (index%p.pairs*stride + p.shift) % p.pairs }

// slotOf undoes pairOf for the first users.
func (p *people) slotOf(pair uint64) uint64 {
	return (pair + p.pairs - p.shift) % p.pairs * p.back % p.pairs
}

// inverse gives the number that times a is 1 modulo n, by Euclid's algorithm
// (all in uint64: what would be negative is counted down from n).
func inverse(a, n uint64) uint64 {
	r0, r1 := n, a%n
	t0, t1 := uint64(0), uint64(1)
	for r1 != 0 {
		q := r0 / r1
		r0, r1 = r1, r0%r1
		t0, t1 = t1, (t0+n-q%n*t1%n)%n
	}
	return t0
}

// person is one user, before it is written.
type person struct {
	*people
	index uint64
	pair  pair
	round uint64 // how many bearers of the same pair came before
	bits  uint64 // what the seed decided about this user
	more  uint64 // and more of it
	guest bool
	nasty int // which nasty name, or -1
}

// person makes the user with the index.
func (p *people) person(index uint64) person {
	bits := mix(index*saltPermute ^ p.seed ^ saltCheck)
	u := person{
		people: p, index: index, pair: pairAt(p.culture, p.pairOf(index)), round: index / p.pairs,
		bits: bits, more: mix(bits ^ saltCheck), nasty: -1,
	}
	u.guest = index > 0 && bits%100 < 8
	every := uint64(1000)
	if p.nasty {
		every = 8
	}
	if index%every == every/2 {
		u.nasty = count(index / every % uint64(len(p.names)))
	}
	return u
}

// pick gives a number below n from the user's random bits; each at serves one
// decision.
func (u *person) pick(at uint, n uint64) uint64 { return u.more >> at & 0xffff % n }

func (u *person) office() *office         { return &u.offices[u.pick(0, 12)] }
func (u *person) department() *department { return &u.parts[u.pick(4, 14)] }

// Who lacks what: the gaps of a real directory.
func (u *person) enabled() bool       { return u.pick(8, 100) >= 6 }
func (u *person) hasDepartment() bool { return !u.guest && u.pick(12, 100) >= 7 }
func (u *person) hasEmployeeID() bool { return !u.guest && u.pick(16, 100) >= 5 }
func (u *person) hasMail() bool       { return u.guest || u.pick(20, 100) >= 4 }
func (u *person) hasMobile() bool     { return u.pick(24, 100) < 40 }
func (u *person) synced() bool        { return !u.guest && u.pick(28, 100) < 60 }
func (u *person) licensed() bool      { return !u.guest && u.pick(32, 100) < 85 }
func (u *person) hasCreated() bool    { return u.pick(36, 1000) >= 9 }
func (u *person) signedIn() bool      { return u.pick(40, 100) < 80 }
func (u *person) hired() bool         { return !u.guest && u.pick(44, 100) < 70 }

// created is when the account was made: between June 2018 and mid 2024.
func (u *person) created() int64 { return 1527811200 + signed(u.bits>>16%190_000_000) }

// manager gives the index of the user's manager. The first user has none, and a
// guest manages nobody.
func (p *people) manager(index uint64) (uint64, bool) {
	for index > 0 {
		index = (index - 1) / 7
		if m := p.person(index); !m.guest {
			return index, true
		}
	}
	return 0, false
}

// suffix tells bearers of the same pair apart: none, 2, 3, 4, ...
func appendSuffix(dst []byte, round uint64) []byte {
	if round == 0 {
		return dst
	}
	return appendUint(dst, round+1)
}

// appendLocal writes the part of the sign-in name that is the user's own.
func (u *person) appendLocal(dst []byte) []byte {
	return appendSuffix(u.pair.appendBase(dst), u.round)
}

// appendUPN writes the userPrincipalName. Guests carry the address they were
// invited by: anna.smith_fabrikam.example#EXT#@contoso.example.
func (u *person) appendUPN(dst []byte) []byte {
	dst = u.appendLocal(dst)
	if u.guest {
		dst = append(dst, '_')
		dst = append(dst, u.guestDomain()...)
		dst = append(dst, "#EXT#"...)
	}
	dst = append(dst, '@')
	return append(dst, u.domain...)
}

func (u *person) guestDomain() string { return u.guests[u.pick(4, 6)] }

func (u *person) appendMail(dst []byte) []byte {
	dst = u.appendLocal(dst)
	dst = append(dst, '@')
	if u.guest {
		return append(dst, u.guestDomain()...)
	}
	return append(dst, u.domain...)
}

// appendUint writes a number.
func appendUint(dst []byte, n uint64) []byte {
	var b [20]byte
	i := len(b)
	for {
		i--
		b[i] = '0' + byte(n%10)
		if n /= 10; n == 0 {
			return append(dst, b[i:]...)
		}
	}
}

// appendDate writes seconds since 1970 as Graph writes a DateTimeOffset. It is
// a good deal faster than time.Time's formatting, which shows in a list of a
// million.
func appendDate(dst []byte, unix int64) []byte {
	t := time.Unix(unix, 0).UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	dst = appendTwo(appendTwo(dst, year/100), year%100)
	dst = appendTwo(append(dst, '-'), int(month))
	dst = appendTwo(append(dst, '-'), day)
	dst = appendTwo(append(dst, 'T'), hour)
	dst = appendTwo(append(dst, ':'), minute)
	dst = appendTwo(append(dst, ':'), second)
	return append(dst, 'Z')
}

// appendTwo writes the last two digits of a number.
func appendTwo(dst []byte, n int) []byte {
	return append(dst, hexDigits[n/10%10], hexDigits[n%10])
}

// findUPN gives the index of the user with the sign-in name, in any case.
func (p *people) findUPN(upn string) (uint64, bool) {
	local := foldKey(upn)
	end := len(local)
	for i := range len(local) {
		if c := local[i]; c == '@' || c == '_' || '0' <= c && c <= '9' {
			end = i
			break
		}
	}
	pair, ok := p.ranks().find(local[:end])
	if !ok {
		return 0, false
	}
	round := uint64(0)
	for i := end; i < len(local) && '0' <= local[i] && local[i] <= '9' && round < MaxUsers; i++ {
		round = round*10 + uint64(local[i]-'0')
	}
	if round > 0 {
		round--
	}
	index := round*p.pairs + p.slotOf(pair)
	u := p.person(index)
	return index, foldKey(string(u.appendUPN(nil))) == local
}
