package fault

import (
	"hash/fnv"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
)

// Chaos decides by a seed what happens to each request: which fault it meets, and how
// the directory changes before it is answered. The same request, made for the same
// time, meets the same, whatever other requests are made at once.
type Chaos struct {
	seed     uint64
	kinds    []Kind
	quiet    bool // nothing changes
	frequent []preference

	whole bool // users are not left out of lists in silence

	mu    sync.Mutex
	made  map[uint64]int // how often each request was made
	lossy bool           // users have been left out of a list in silence
}

// preference is a fault that many requests meet.
type preference struct {
	kind   Kind
	chance float64
}

// Event is what happens to a request.
type Event struct {
	// Kind is the fault that it meets; the zero Kind is none.
	Kind Kind
	// Changes are numbers that decide about the changes of the directory.
	Changes []uint64
}

// How likely things are. Any fault may meet any request; those that a seed prefers
// meet many, unless they end most clients.
const (
	anyFault      = 0.025
	frequentFault = 0.1
	frequentFatal = 0.02
	someChanges   = 0.3
	manyChanges   = 0.02
)

// NewChaos makes the chaos of a seed. whole says that no users are left out of lists in
// silence, as is right in a tenant that does not count: there nobody can tell.
func NewChaos(seed uint64, whole bool) *Chaos {
	r := rand.New(rand.NewPCG(seed, 0))
	c := &Chaos{seed: seed, whole: whole, kinds: slices.DeleteFunc(catalogue(), Kind.scripted), quiet: r.IntN(6) == 0, made: map[uint64]int{}}
	for range r.IntN(4) {
		k := c.kinds[r.IntN(len(c.kinds))]
		chance := frequentFault
		if k.times == endless && k.stage == instead || k.fatal() {
			chance = frequentFatal
		}
		c.frequent = append(c.frequent, preference{k, chance})
	}
	return c
}

// fatal says whether most clients give up on the fault at once, and rightly so.
func (k Kind) fatal() bool {
	return slices.Contains([]string{
		"foreign-host", "foreign-port", "foreign-scheme", "foreign-path", "userinfo-host", "dotted-host", "unicode-host", "escaped-host",
		"loop", "loop-long",
	}, k.Name)
}

// scripted says whether the fault comes to order only: the promises of lists rest on
// changes that show, and chaos throttles the requests of batches by itself.
func (k Kind) scripted() bool {
	return k.on == Notification || slices.Contains([]string{"delta-drop", "delta-silent-manager", "batch-throttled"}, k.Name)
}

// loses says whether the fault leaves users out of a list in silence.
func (k Kind) loses() bool {
	return slices.Contains([]string{"early-end", "lost-page", "lost-end", "null-link", "replica-lag"}, k.Name)
}

// hides says whether the fault may hide that users were left out. Nobody can tell a
// count that is too low by three from the right one when three users were left out,
// so these do not meet in one tenant.
func (k Kind) hides() bool {
	return slices.Contains([]string{"count-lag", "count-old", "delta-lag"}, k.Name)
}

// fits says whether a request of a kind may meet the fault. What a tenant cannot do is
// decided for good and not by the request: one that says now and then that it has no
// delta queries, or does not count, is believed.
func (c *Chaos) fits(k Kind, on string, page int) bool {
	switch {
	case k.Name == "count-refused", k.Name == "delta-refused", k.Name == "403" && on == Delta:
		return false
	case c.whole && k.loses(), c.lossy && k.hides():
		return false
	}
	return k.fits(on) && page >= k.firstPage
}

// Next is what happens to a request of a kind, on a page, which the identity tells
// from others. A nil Chaos does nothing.
func (c *Chaos) Next(on string, page int, identity string) Event {
	if c == nil {
		return Event{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.random(on + " " + strconv.Itoa(page) + " " + identity)
	event := Event{Changes: c.changes(r)}
	for _, p := range c.frequent {
		if r.Float64() < p.chance && c.fits(p.kind, on, page) {
			event.Kind = p.kind
		}
	}
	if r.Float64() < anyFault && event.Kind.Name == "" {
		if k := c.kinds[r.IntN(len(c.kinds))]; c.fits(k, on, page) {
			event.Kind = k
		}
	}
	c.lossy = c.lossy || event.Kind.loses()
	return event
}

// random is what decides about a request, each time that it is made.
func (c *Chaos) random(request string) *rand.Rand {
	hash := fnv.New64a()
	_, _ = io.WriteString(hash, request)
	sum := hash.Sum64()
	c.made[sum]++
	_, _ = io.WriteString(hash, "#"+strconv.Itoa(c.made[sum]))
	return rand.New(rand.NewPCG(c.seed, hash.Sum64()))
}

// changes decides how the directory changes.
func (c *Chaos) changes(r *rand.Rand) []uint64 {
	chance := r.Float64()
	var n int
	switch {
	case c.quiet:
	case chance < manyChanges:
		n = 10 + r.IntN(30)
	case chance < someChanges:
		n = 1 + r.IntN(4)
	}
	numbers := make([]uint64, n)
	for i := range numbers {
		numbers[i] = r.Uint64()
	}
	return numbers
}
