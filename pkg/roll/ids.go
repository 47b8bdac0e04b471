package roll

import "math/bits"

// ids is the set of the user ids that a listing has met: at most 18 bytes an
// id, growth included, whatever the size of the tenant.
//
// It is one table with linear probing whose elements stand in the order of
// their hashes, so that a search for an absent id ends early even when nearly
// every slot is taken. The table grows by a twentieth at a time and in place:
// it is made of chunks, new chunks are added behind, and the elements are laid
// out again. Nothing is copied aside, so nothing becomes garbage.
type ids struct {
	chunks []*[chunkSlots]key
	used   int // elements
	marked int // elements met in the present pass
}

const (
	chunkSlots = 4096
	// spill is how many slots at the end no hash points to. They take what the
	// last run of elements pushes over the edge.
	spill = 512
	// The table is at most fill per cent full and grows by 1/growth: an id costs
	// between 16/0.94 = 17.0 and 17.0 * 1.05 = 17.9 bytes.
	fill   = 94
	growth = 20
)

// verdict is what add found.
type verdict int

const (
	unseen   verdict = iota // never met before
	earlier                 // met in an earlier pass only
	repeated                // met in the present pass
)

// add notes that the present pass has met the id with the key k.
func (s *ids) add(k key) verdict {
	if s.used >= s.home()*fill/100 {
		s.grow(max(1, len(s.chunks)/growth))
	}
	for i := s.start(k); ; i++ {
		slot := s.slot(i)
		switch {
		case slot.hash == k.hash && slot.same(k):
			if slot.marked() {
				return repeated
			}
			slot.rest |= mark
			s.marked++
			return earlier
		case slot.hash == 0 || slot.hash > k.hash:
			s.insert(i, k)
			s.used++
			s.marked++
			return unseen
		}
	}
}

// reserve makes room for n ids at once.
func (s *ids) reserve(n int) {
	slots := n/fill*100 + n%fill + spill + chunkSlots
	if more := slots/chunkSlots - len(s.chunks); more > 0 {
		s.grow(more)
	}
}

// newPass forgets which ids the present pass has met, not the ids.
func (s *ids) newPass() {
	s.marked = 0
	for _, chunk := range s.chunks {
		for i := range chunk {
			chunk[i].rest &^= mark
		}
	}
}

// clear forgets all ids and keeps the room.
func (s *ids) clear() {
	for _, chunk := range s.chunks {
		clear(chunk[:])
	}
	s.used, s.marked = 0, 0
}

// has reports whether the present pass has met the id with the key k.
func (s *ids) has(k key) bool {
	if len(s.chunks) == 0 {
		return false
	}
	for i := s.start(k); i < s.slots(); i++ {
		switch slot := s.slot(i); {
		case slot.hash == k.hash && slot.same(k):
			return slot.marked()
		case slot.hash == 0 || slot.hash > k.hash:
			return false
		}
	}
	return false
}

// insert puts k where slot i is and moves what stands there, up to the next
// free slot, one place on.
func (s *ids) insert(i int, k key) {
	k.rest |= mark
	free := i
	for s.slot(free).hash != 0 {
		if free++; free == s.slots() {
			s.grow(1) // keeps the order: find the place again
			for i = s.start(k); s.slot(i).hash != 0 && s.slot(i).hash <= k.hash; i++ {
			}
			free = i
		}
	}
	for free > i {
		at := free % chunkSlots
		if at == 0 {
			*s.slot(free) = *s.slot(free - 1)
			free--
			continue
		}
		n := min(at, free-i)
		chunk := s.chunks[free/chunkSlots]
		copy(chunk[at-n+1:at+1], chunk[at-n:at])
		free -= n
	}
	*s.slot(i) = k
}

// grow adds chunks and lays the elements out again.
func (s *ids) grow(chunks int) {
	for ; chunks > 0 || !s.layOut(); chunks-- {
		s.chunks = append(s.chunks, new([chunkSlots]key))
	}
}

// layOut puts every element at or behind the slot its hash points to: first all
// are pushed together at the end, then placed from the front. It reports false
// when hashes are so uneven that an element would land on an unread one; all
// elements are then still there, in order, and more room helps (more than spill
// ids of one hash would not fit any table, but no GUIDs are like that).
func (s *ids) layOut() bool {
	packed := s.slots()
	for i := packed - 1; i >= 0; i-- {
		if k := *s.slot(i); k.hash != 0 {
			packed--
			*s.slot(i) = key{}
			*s.slot(packed) = k
		}
	}
	free := 0
	for i := packed; i < s.slots(); i++ {
		k := *s.slot(i)
		at := max(free, s.start(k))
		if at > i {
			return false
		}
		*s.slot(i) = key{}
		*s.slot(at) = k
		free = at + 1
	}
	return true
}

func (s *ids) slots() int { return len(s.chunks) * chunkSlots }

// home is how many slots hashes are spread over.
func (s *ids) home() int { return max(0, s.slots()-spill) }

func (s *ids) slot(i int) *key { return &s.chunks[i/chunkSlots][i%chunkSlots] }

// start is the slot that k's hash points to: the higher the hash, the higher the slot.
func (s *ids) start(k key) int {
	hi, _ := bits.Mul64(k.hash, uint64(s.home()))
	return int(hi)
}
