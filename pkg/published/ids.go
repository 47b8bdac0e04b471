package published

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"path"
	"slices"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/spill"
)

// key is an id as users are told apart.
type key [list.IDSize]byte

func keyOf(id []byte) (k key) {
	list.NewID(id).AppendTo(k[:0])
	return k
}

// shard is where the key belongs. Ids that count upwards are scattered as well.
func (k key) shard() int { return int(k[0]) * spill.Shards >> 8 }

// mark keeps the id of a user and the object in which it is.
func (v *verification) mark(id []byte, object int) error {
	k := keyOf(id)
	return v.ids.Add(k.shard(), 0, binary.AppendUvarint(k[:], uint64(object)))
}

// seen is an id and the object in which it is.
type seen struct {
	key    key
	object int
}

// distinct finds out, shard by shard, whether all users are different.
func (v *verification) distinct(c *Check) error {
	total := 0
	var all []seen
	for shard := range spill.Shards {
		all = all[:0]
		for e, err := range v.ids.Of(shard) {
			if err != nil {
				return err
			}
			object, _ := binary.Uvarint(e.Text[list.IDSize:])
			all = append(all, seen{key(e.Text[:list.IDSize]), int(object)})
		}
		slices.SortFunc(all, func(a, b seen) int {
			if order := bytes.Compare(a.key[:], b.key[:]); order != 0 {
				return order
			}
			return a.object - b.object
		})
		for i := 1; i < len(all); i++ {
			if all[i].key == all[i-1].key {
				c.problem("%s has a user who is %s", v.name(all[i].object), v.where(all[i-1].object, all[i].object))
			}
		}
		total += len(all)
	}
	c.Found = fmt.Sprintf("%d, all different", total)
	return nil
}

func (v *verification) where(first, second int) string {
	if first == second {
		return "in it twice"
	}
	return "in " + v.name(first) + " as well"
}

func (v *verification) name(object int) string { return path.Base(v.Manifest.Objects[object].URL) }
