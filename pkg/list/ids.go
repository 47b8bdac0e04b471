package list

import "math/bits"

// ids is the set of the user ids that a list has seen: at most 18 bytes an id,
// growth included, whatever the size of the tenant.
//
// It is a hash table with linear probing whose elements are kept in the order of
// their hashes, so that a search for an absent id ends early even when nearly
// every slot is taken. The table grows in place, by a twentieth at a time: it is
// made of chunks, new chunks are added at the end, and the elements are laid out
// anew. Nothing is copied aside, so nothing becomes garbage.
type ids struct {
	chunks []*[chunkSlots]ID
	used   int // elements
	marked int // elements seen in the present pass
}

const (
	chunkSlots = 4096
	// spill is how many slots at the end no hash points to. They take the elements
	// that the last run pushes over the edge.
	spill = 512
	// The table is at most fill per cent full and grows by 1/growth: an id costs
	// between 16/0.94 = 17.0 and 17.0 * 1.05 = 17.9 bytes.
	fill   = 94
	growth = 20
)

// verdict is what add found.
type verdict int

const (
	unseen   verdict = iota // never seen before
	earlier                 // seen in an earlier pass only
	repeated                // seen in the present pass
)

// add records that the present pass has seen the id.
func (s *ids) add(d ID) verdict {
	if s.used >= s.home()*fill/100 {
		s.grow(max(1, len(s.chunks)/growth))
	}
	for i := s.start(d); ; i++ {
		slot := s.slot(i)
		switch {
		case slot.hash == d.hash && slot.same(d):
			if slot.marked() {
				return repeated
			}
			slot.rest |= mark
			s.marked++
			return earlier
		case slot.hash == 0 || slot.hash > d.hash:
			s.insert(i, d)
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

// newPass forgets which ids the present pass has seen, but not the ids.
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

// has reports whether the present pass has seen the id.
func (s *ids) has(d ID) bool {
	slot := s.find(d)
	return slot != nil && slot.marked()
}

// contains reports whether any pass has seen the id.
func (s *ids) contains(d ID) bool { return s.find(d) != nil }

// unmark makes the present pass forget that it has seen the id.
func (s *ids) unmark(d ID) {
	if slot := s.find(d); slot != nil && slot.marked() {
		slot.rest &^= mark
		s.marked--
	}
}

// find returns the slot of an id, nil if it was never added.
func (s *ids) find(d ID) *ID {
	if len(s.chunks) == 0 {
		return nil
	}
	for i := s.start(d); i < s.slots(); i++ {
		switch slot := s.slot(i); {
		case slot.hash == d.hash && slot.same(d):
			return slot
		case slot.hash == 0 || slot.hash > d.hash:
			return nil
		}
	}
	return nil
}

// insert puts an id into slot i and moves the elements from there up to the next
// free slot by one.
func (s *ids) insert(i int, d ID) {
	d.rest |= mark
	free := i
	for s.slot(free).hash != 0 {
		if free++; free == s.slots() {
			s.grow(1) // keeps the order, but moves the place
			for i = s.start(d); s.slot(i).hash != 0 && s.slot(i).hash <= d.hash; i++ {
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
	*s.slot(i) = d
}

// grow adds chunks and lays the elements out anew.
func (s *ids) grow(chunks int) {
	for ; chunks > 0 || !s.layOut(); chunks-- {
		s.chunks = append(s.chunks, new([chunkSlots]ID))
	}
}

// layOut puts every element at or after the slot its hash points to: all are first
// packed at the end, then placed from the front. It reports false when hashes are so
// uneven that an element would overwrite one that was not placed yet; all elements
// are then still there, in order, and more room helps. (More than spill ids of one
// hash would not fit any table, but GUIDs are not like that.)
func (s *ids) layOut() bool {
	packed := s.slots()
	for i := packed - 1; i >= 0; i-- {
		if d := *s.slot(i); d.hash != 0 {
			packed--
			*s.slot(i) = ID{}
			*s.slot(packed) = d
		}
	}
	free := 0
	for i := packed; i < s.slots(); i++ {
		d := *s.slot(i)
		at := max(free, s.start(d))
		if at > i {
			return false
		}
		*s.slot(i) = ID{}
		*s.slot(at) = d
		free = at + 1
	}
	return true
}

func (s *ids) slots() int { return len(s.chunks) * chunkSlots }

// home is how many slots hashes are spread over.
func (s *ids) home() int { return max(0, s.slots()-spill) }

func (s *ids) slot(i int) *ID { return &s.chunks[i/chunkSlots][i%chunkSlots] }

// start is the slot that d's hash points to: the higher the hash, the higher the slot.
func (s *ids) start(d ID) int {
	hi, _ := bits.Mul64(d.hash, uint64(s.home()))
	return int(hi)
}
