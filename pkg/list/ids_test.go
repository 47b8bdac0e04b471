package list

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"
)

func guid(hi, lo uint64) []byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], hi)
	binary.BigEndian.PutUint64(b[8:], lo)
	b[8] = b[8]&0x3f | 0x80
	return fmt.Appendf(nil, "%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func TestIDsTellsNewEarlierAndRepeated(t *testing.T) {
	forms := map[string]func(i int) []byte{
		"random GUIDs":          func(i int) []byte { r := rand.New(rand.NewPCG(1, uint64(i))); return guid(r.Uint64(), r.Uint64()) },
		"GUIDs counting up":     func(i int) []byte { return guid(0, uint64(i)) },
		"GUIDs counting high":   func(i int) []byte { return guid(uint64(i)<<40, 0) },
		"ids that are no GUIDs": func(i int) []byte { return fmt.Appendf(nil, "user-%d", i) },
		"GUIDs of no variant":   func(i int) []byte { return fmt.Appendf(nil, "00000000-0000-0000-0000-%012x", i) },
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
					t.Fatalf("id %d again: %v, want repeated", i, got)
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

func TestIDsAgreesWithAMapWhateverTheOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	var s ids
	met := map[string]bool{}
	for range 300_000 {
		id := guid(r.Uint64N(400)<<30, r.Uint64N(400))
		want := unseen
		if met[string(id)] {
			want = repeated
		}
		met[string(id)] = true
		if got := s.add(NewID(id)); got != want {
			t.Fatalf("%s: %v, want %v", id, got, want)
		}
	}
	if s.used != len(met) {
		t.Fatalf("%d elements, want %d", s.used, len(met))
	}
}

func TestIDsCostsAtMost18BytesAnIDAtEveryMomentOfItsGrowth(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	var s ids
	for n := 1; n <= 700_000; n++ {
		s.add(NewID(guid(r.Uint64(), r.Uint64())))
		// Below some hundred thousand the last chunk is the larger part.
		if size := s.slots() * int(unsafe.Sizeof(ID{})); n > 300_000 && size > 18*n {
			t.Fatalf("%d ids cost %d bytes, %.2f an id", n, size, float64(size)/float64(n))
		}
	}
}

func TestIDsReservesRoomOnceForAKnownNumber(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	var s ids
	const n = 200_000
	s.reserve(n)
	slots := s.slots()
	if bytes := slots * 16; bytes > 18*n {
		t.Errorf("room for %d ids costs %d bytes", n, bytes)
	}
	for range n {
		s.add(NewID(guid(r.Uint64(), r.Uint64())))
	}
	if s.slots() != slots {
		t.Errorf("grew from %d to %d slots", slots, s.slots())
	}
}

func TestIDsDoesNotTellTheCaseOfAGUID(t *testing.T) {
	var s ids
	s.add(NewID([]byte("6e7b768e-07e2-4810-8459-485f84f8f204")))
	if got := s.add(NewID([]byte("6E7B768E-07E2-4810-8459-485F84F8F204"))); got != repeated {
		t.Errorf("the same id in capitals: %v, want repeated", got)
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

func TestParseGUIDTakesGUIDsOnly(t *testing.T) {
	for text, want := range map[string]bool{
		"6e7b768e-07e2-4810-8459-485f84f8f204":    true,
		"6E7B768E-07E2-4810-8459-485F84F8F204":    true,
		"6e7b768e-07e2-4810-8459-485f84f8f20":     false,
		"6e7b768e-07e2-4810-8459-485f84f8f2041":   false,
		"6e7b768e-07e2-4810-8459-485f84f8f20g":    false,
		"6e7b768e-07e2-4810-8459-485f84f8f20\xff": false,
		"6e7b768e-07e2-4810-8459_485f84f8f204":    false,
		"6e7b768e-07e2-4810-8459-485f84f8f2-4":    false,
		"":                                        false,
	} {
		if _, _, ok := parseGUID([]byte(text)); ok != want {
			t.Errorf("parseGUID(%q): %t, want %t", text, ok, want)
		}
	}
	hi, lo, _ := parseGUID([]byte("01234567-89ab-cdef-FEDC-ba9876543210"))
	if hi != 0x0123456789abcdef || lo != 0xfedcba9876543210 {
		t.Errorf("parsed %016x %016x", hi, lo)
	}
}

// TestIDsClearAndHasAgreeWithAMap mixes everything that can be done with the set.
func TestIDsClearAndHasAgreeWithAMap(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 11))
		var s ids
		all, present := map[ID]bool{}, map[ID]bool{}
		newOne := func() ID { return NewID(guid(r.Uint64N(60)<<33, r.Uint64N(200))) }
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
	if s.has(NewID([]byte("anna"))) {
		t.Error("an empty set has somebody")
	}
	r := rand.New(rand.NewPCG(9, 9))
	const n = 100_000
	for range 5 { // passes
		s.reserve(n)
		for range n {
			s.add(NewID(guid(r.Uint64(), r.Uint64())))
		}
		if size := s.slots() * int(unsafe.Sizeof(ID{})); size > 18*n {
			t.Fatalf("%d ids cost %d bytes", n, size)
		}
		s.clear()
	}
}
