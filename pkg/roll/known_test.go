package roll

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"

	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

// write stores ids as a slice does.
func write(t *testing.T, s *Snapshot, name string, keys []key) []idsObject {
	t.Helper()
	w := &idsWriter{at: s.State, name: name}
	for _, k := range keys {
		if err := w.add(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.end(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w.done
}

func TestIDsThatWereStoredAreMetAgain(t *testing.T) {
	s := &Snapshot{Publication: Publication{State: storetest.NewMemory()}}
	r := rand.New(rand.NewPCG(1, 2))
	var keys []key
	for i := range 5000 {
		id := guid(r.Uint64(), r.Uint64())
		if i%3 == 0 {
			id = fmt.Appendf(nil, "user-%d", i)
		}
		k := newKey(id)
		if i%2 == 0 {
			k.rest |= mark // as the table has it
		}
		keys = append(keys, k)
	}
	objects := append(write(t, s, "one", keys[:1]), write(t, s, "more", keys[1:])...)
	objects = append(objects, write(t, s, "none", nil)...)
	if len(objects) != 2 || objects[0].Users != 1 || objects[1].Users != 4999 {
		t.Fatalf("%+v", objects)
	}
	var met ids
	if err := s.readIDs(t.Context(), objects, func(k key) {
		if k.marked() {
			t.Fatal("a mark was stored")
		}
		met.add(k)
	}); err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		k.rest &^= mark
		if !met.has(k) {
			t.Fatal("an id is missing")
		}
		if met.add(k) != repeated {
			t.Fatal("an id that was stored is new")
		}
	}
	if met.used != 5000 {
		t.Errorf("%d ids", met.used)
	}
}

// TestIDsClearAndHasAgreeWithAMap mixes everything that can be done with the set.
func TestIDsClearAndHasAgreeWithAMap(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 11))
		var s ids
		all, present := map[key]bool{}, map[key]bool{}
		newOne := func() key { return newKey(guid(r.Uint64N(60)<<33, r.Uint64N(200))) }
		for step := range 60_000 {
			k := newOne()
			switch what := r.IntN(10_000); {
			case what == 0:
				s.clear()
				clear(all)
				clear(present)
			case what == 1:
				s.newPass()
				clear(present)
			case what < 5:
				s.reserve(r.IntN(20_000))
			case what < 5000:
				want := unseen
				if present[k] {
					want = repeated
				} else if all[k] {
					want = earlier
				}
				if got := s.add(k); got != want {
					t.Fatalf("seed %d, step %d: added, %v, want %v", seed, step, got, want)
				}
				all[k], present[k] = true, true
			default:
				if got := s.has(k); got != present[k] {
					t.Fatalf("seed %d, step %d: has %t, want %t", seed, step, got, present[k])
				}
			}
			if s.used != len(all) || s.marked != len(present) {
				t.Fatalf("seed %d, step %d: %d and %d, want %d and %d", seed, step, s.used, s.marked, len(all), len(present))
			}
		}
	}
}

func TestClearedIDsKeepTheirRoomAndNoMore(t *testing.T) {
	var s ids
	if s.has(newKey([]byte("anna"))) {
		t.Error("an empty set has somebody")
	}
	r := rand.New(rand.NewPCG(9, 9))
	const n = 100_000
	for range 5 { // passes
		s.reserve(n)
		for range n {
			s.add(newKey(guid(r.Uint64(), r.Uint64())))
		}
		if size := s.slots() * int(unsafe.Sizeof(key{})); size > 18*n {
			t.Fatalf("%d ids cost %d bytes", n, size)
		}
		s.clear()
	}
}
