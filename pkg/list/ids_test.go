package list

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"
)

func TestIDsDistinguishesUnseenEarlierAndRepeated(t *testing.T) {
	forms := map[string]func(i int) []byte{
		"random GUIDs":             func(i int) []byte { r := rand.New(rand.NewPCG(1, uint64(i))); return guid(r.Uint64(), r.Uint64()) },
		"GUIDs counting up":        func(i int) []byte { return guid(0, uint64(i)) },
		"GUIDs counting high":      func(i int) []byte { return guid(uint64(i)<<40, 0) },
		"ids that are not GUIDs":   func(i int) []byte { return fmt.Appendf(nil, "user-%d", i) },
		"GUIDs of another variant": func(i int) []byte { return fmt.Appendf(nil, "00000000-0000-0000-0000-%012x", i) },
	}
	const n = 50_000
	for name, id := range forms {
		t.Run(name, func(t *testing.T) {
			var s ids
			for i := range n {
				if got := s.add(NewID(id(i))); got != unseen {
					t.Fatalf("id %d: %v, want unseen", i, got)
				}
			}
			for i := range n {
				if got := s.add(NewID(id(i))); got != repeated {
					t.Fatalf("id %d another time: %v, want repeated", i, got)
				}
			}
			s.newPass()
			for i := range n / 2 {
				if got := s.add(NewID(id(i))); got != earlier {
					t.Fatalf("id %d in the next pass: %v, want earlier", i, got)
				}
			}
			if got := s.add(NewID(id(n))); got != unseen {
				t.Fatalf("a new id in the next pass: %v, want unseen", got)
			}
			if s.used != n+1 || s.marked != n/2+1 {
				t.Fatalf("used %d, marked %d; want %d, %d", s.used, s.marked, n+1, n/2+1)
			}
		})
	}
}

func TestIDsAgreesWithAMap(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	var s ids
	seen := map[string]bool{}
	for range 300_000 {
		id := guid(r.Uint64N(400)<<30, r.Uint64N(400))
		want := unseen
		if seen[string(id)] {
			want = repeated
		}
		seen[string(id)] = true
		if got := s.add(NewID(id)); got != want {
			t.Fatalf("%s: %v, want %v", id, got, want)
		}
	}
	if s.used != len(seen) {
		t.Fatalf("%d elements, want %d", s.used, len(seen))
	}
}

func TestIDsTakesAtMost18BytesAnIDWhileItGrows(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	var s ids
	for n := 1; n <= 700_000; n++ {
		s.add(NewID(guid(r.Uint64(), r.Uint64())))
		// Below some hundred thousand the last chunk is the larger part.
		if size := s.slots() * int(unsafe.Sizeof(ID{})); n > 300_000 && size > 18*n {
			t.Fatalf("%d ids take %d bytes, %.2f an id", n, size, float64(size)/float64(n))
		}
	}
}

func TestIDsReservesRoomForAKnownNumberAtOnce(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	var s ids
	const n = 200_000
	s.reserve(n)
	slots := s.slots()
	if bytes := slots * 16; bytes > 18*n {
		t.Errorf("room for %d ids takes %d bytes", n, bytes)
	}
	for range n {
		s.add(NewID(guid(r.Uint64(), r.Uint64())))
	}
	if s.slots() != slots {
		t.Errorf("grew from %d to %d slots", slots, s.slots())
	}
}

// TestIDsAgreesWithAMapUnderAllOperations mixes everything that can be done with the set.
func TestIDsAgreesWithAMapUnderAllOperations(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 11))
		var s ids
		all, present := map[ID]bool{}, map[ID]bool{}
		randomID := func() ID { return NewID(guid(r.Uint64N(60)<<33, r.Uint64N(200))) }
		for step := range 60_000 {
			k := randomID()
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
					t.Fatalf("seed %d, step %d: add gives %v, want %v", seed, step, got, want)
				}
				all[k], present[k] = true, true
			default:
				if got := s.has(k); got != present[k] {
					t.Fatalf("seed %d, step %d: has gives %t, want %t", seed, step, got, present[k])
				}
			}
			if s.used != len(all) || s.marked != len(present) {
				t.Fatalf("seed %d, step %d: %d used, %d marked, want %d, %d", seed, step, s.used, s.marked, len(all), len(present))
			}
		}
	}
}

func TestClearedIDsReuseTheirRoom(t *testing.T) {
	var s ids
	if s.has(NewID([]byte("anna"))) {
		t.Error("an empty set has an id")
	}
	r := rand.New(rand.NewPCG(9, 9))
	const n = 100_000
	for range 5 { // passes
		s.reserve(n)
		for range n {
			s.add(NewID(guid(r.Uint64(), r.Uint64())))
		}
		if size := s.slots() * int(unsafe.Sizeof(ID{})); size > 18*n {
			t.Fatalf("%d ids take %d bytes", n, size)
		}
		s.clear()
	}
}

func TestAnIDAddedTwiceInALaterPassCountsOnce(t *testing.T) {
	var s ids
	s.add(NewID([]byte("anna")))
	s.newPass()
	for i, want := range []verdict{earlier, repeated, repeated} {
		if got := s.add(NewID([]byte("anna"))); got != want {
			t.Errorf("addition %d: %v, want %v", i+1, got, want)
		}
	}
	if s.marked != 1 {
		t.Errorf("the later pass counts %d ids", s.marked)
	}
}

func BenchmarkIDsAdd(b *testing.B) {
	for _, reserved := range []bool{false, true} {
		b.Run(fmt.Sprintf("reserved=%t", reserved), func(b *testing.B) {
			r := rand.New(rand.NewPCG(5, 5))
			all := make([][]byte, 1_000_000)
			for i := range all {
				all[i] = guid(r.Uint64(), r.Uint64())
			}
			var s ids
			for i := 0; b.Loop(); i++ {
				if i%len(all) == 0 {
					s = ids{}
					if reserved {
						s.reserve(len(all))
					}
				}
				s.add(NewID(all[i%len(all)]))
			}
		})
	}
}
