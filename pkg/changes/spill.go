package changes

import (
	"bytes"
	"errors"
	"iter"

	"github.com/rollcall-dev/rollcall/pkg/list"
	spilled "github.com/rollcall-dev/rollcall/pkg/spill"
)

// kind is what an entry says of a user.
type kind byte

const (
	listed      kind = 'L' // is in the list, with all columns
	restorable  kind = 'D' // is among the deleted users
	changed     kind = 'C' // has changed: the columns that Graph sent
	managed     kind = 'M' // has this manager
	removed     kind = 'R' // was deleted, and can be restored
	removedHard kind = 'P' // is gone for good
)

// entry is one thing that was read about a user.
type entry struct {
	kind   kind
	object []byte // of the user; little more than the id of one who is gone
}

// spill keeps what was read by shard, in the order in which it came.
type spill struct{ spilled.Spill }

func newSpill(dir string) *spill { return &spill{spilled.Spill{Dir: dir}} }

func (s *spill) add(shard int, k kind, object []byte) error { return s.Add(shard, byte(k), object) }

// index finds what a restored file has.
func (s *spill) index() error { return asLost(s.Index()) }

// asLost is how a damaged file is told of.
func asLost(err error) error {
	if errors.Is(err, spilled.ErrDamaged) {
		return &lostError{err}
	}
	return err
}

// ids yields the ids of those who are listed.
func (s *spill) ids() iter.Seq2[list.ID, error] {
	return func(yield func(list.ID, error) bool) {
		for i := range shardCount {
			for e, err := range s.of(i) {
				if err == nil && e.kind != listed {
					continue
				}
				var id list.ID
				if err == nil {
					id = list.NewID(idOf(e.object))
				}
				if !yield(id, err) {
					return
				}
			}
		}
	}
}

// of yields the entries of a shard in the order in which they came. Each is valid until the
// next one.
func (s *spill) of(shard int) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for found, err := range s.Of(shard) {
			e := entry{kind(found.Kind), found.Text}
			if err == nil && s.Foreign() && !e.valid() {
				err = spilled.ErrDamaged
			}
			if err != nil {
				yield(entry{}, asLost(err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// valid reports whether the entry is one that could have been added.
func (e entry) valid() bool {
	return bytes.IndexByte([]byte{byte(listed), byte(restorable), byte(changed), byte(managed), byte(removed), byte(removedHard)}, byte(e.kind)) >= 0 &&
		isUser(e.object)
}
