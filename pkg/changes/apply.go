package changes

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// target is what is to be known of a user.
type target struct {
	id            []byte
	live, deleted bool // neither: gone
	fields        fields
	was           fields // what the mirror has
	named         bool   // by a change
	both          bool   // listed, and among the deleted ones
}

// work is the comparison of one shard with what was read.
type work struct {
	before  []record
	old     columns // of before
	new     columns
	targets map[key]*target
}

// newWork applies the entries of a shard in the order in which they came.
func newWork(before []record, old, now columns, s *spill, shard int) (*work, error) {
	w := &work{before: before, old: old, new: now, targets: map[key]*target{}}
	for e, err := range s.of(shard) {
		if err != nil {
			return nil, err
		}
		object := bytes.Clone(e.object)
		w.apply(e.kind, idOf(object), w.new.fields(object))
	}
	return w, nil
}

// known is what the mirror knows of a user, in the columns from now on.
func (w *work) known(k key) *target {
	r := find(w.before, k)
	if r == nil {
		return &target{fields: make(fields, len(w.new))}
	}
	was := w.new.fields(r.object)
	for i, name := range w.new { // columns that were left out once may still be there
		if !w.old.has(name) {
			was[i] = nil
		}
	}
	return &target{id: r.id, live: !r.deleted, deleted: r.deleted, fields: was, was: was}
}

func (w *work) apply(kind kind, id []byte, f fields) {
	k := keyOf(id)
	t := w.targets[k]
	if t == nil {
		t = w.known(k)
		w.targets[k] = t
		if t.id == nil {
			t.id = id
		}
		if kind == listed || kind == restorable {
			t.live, t.both = false, false
		}
	}
	switch kind {
	case listed:
		t.live, t.deleted, t.fields = true, false, f
	case restorable:
		t.both = t.live
		if !t.live && !t.deleted && find(w.before, k) == nil {
			t.fields = f
		}
		if !t.live {
			t.deleted = true
		}
	case changed:
		t.live, t.deleted, t.named, t.fields = true, false, true, t.fields.merge(f)
	case managed:
		if t.live {
			t.fields = t.fields.merge(f)
		}
	case removed:
		t.deleted, t.live, t.named = t.live || t.deleted, false, true
	case removedHard:
		t.live, t.deleted, t.named = false, false, true
	}
}

// differs reports whether a user is not as the mirror has it.
func (w *work) differs(k key, t *target) bool {
	r := find(w.before, k)
	if r == nil {
		return t.live
	}
	if t.live == r.deleted || !t.live && !t.deleted {
		return true
	}
	if !t.live {
		return false
	}
	for i, name := range w.new {
		if w.old.has(name) && !sameValue(t.was[i], t.fields[i]) {
			return true
		}
	}
	return false
}

// doubtful are the users about whom the list and the mirror disagree though no change has
// named them, or who were both listed and deleted: they are read once more. Without
// explained nobody knows what changes there were, and only who is absent is read.
func (w *work) doubtful(explained bool) (ids []string) {
	for i := range w.before {
		if w.targets[w.before[i].key] == nil {
			absent := w.known(w.before[i].key)
			absent.live, absent.deleted = false, false
			w.targets[w.before[i].key] = absent
			ids = append(ids, string(absent.id))
		}
	}
	for k, t := range w.targets {
		r := find(w.before, k)
		gone := r != nil && !r.deleted && !t.live || r != nil && !t.live && !t.deleted
		if t.both && !t.named || !t.named && (explained || gone) && w.differs(k, t) {
			ids = append(ids, string(t.id))
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// confirm reads doubtful users once more, one by one: what is read now is what counts.
func (r *run) confirm(ctx context.Context, w *work, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	missing := map[key]string{}
	for _, id := range ids {
		missing[keyOf([]byte(id))] = id
	}
	var stats graph.Stats
	found := func(live bool) func(graph.User) error {
		return func(u graph.User) error {
			k := keyOf(u.ID)
			t := w.targets[k]
			if delete(missing, k); t == nil {
				return nil
			}
			known := t.live || t.deleted || find(w.before, k) != nil
			t.live, t.deleted, t.both = live, !live, false
			if live || !known {
				t.fields = w.new.fields(bytes.Clone(u.Raw))
			}
			return nil
		}
	}
	if err := r.f.Directory.UsersByID(ctx, ids, w.new.query(), &stats, found(true)); err != nil {
		return err
	}
	rest := slices.Sorted(maps.Values(missing))
	if err := r.f.Directory.DeletedByID(ctx, rest, w.new.query(), &stats, found(false)); err != nil {
		return err
	}
	for k := range missing {
		w.targets[k].live, w.targets[k].deleted = false, false
	}
	return nil
}

// outcome is a shard as the work leaves it.
type outcome struct {
	shard   shard
	object  []byte
	changed bool // some line is another one
	leavers int
	drift   int
}

// finish writes the shard. explained says that changes were read which tell what is drift.
func (w *work) finish(writer *shardWriter, head string, explained bool) outcome {
	out := outcome{}
	writer.begin(w.new, head)
	keys := slices.Collect(maps.Keys(w.targets))
	for i := range w.before {
		if w.targets[w.before[i].key] == nil {
			keys = append(keys, w.before[i].key)
		}
	}
	slices.SortFunc(keys, key.compare)
	var object []byte // of the user at hand
	for _, k := range keys {
		t, old := w.targets[k], find(w.before, k)
		if t == nil { // nothing was said of this user
			known := w.known(k)
			object = w.new.appendObject(object[:0], old.id, known.fields, omitted)
			writer.add(&record{id: old.id, deleted: old.deleted, object: object}, known.fields)
			continue
		}
		if old != nil && !old.deleted && !t.live {
			out.leavers++
		}
		if explained && !t.named && w.differs(k, t) {
			out.drift++
		}
		if !t.live && !t.deleted {
			out.changed = out.changed || old != nil
			continue
		}
		object = w.new.appendObject(object[:0], t.id, t.fields, omitted)
		now := record{key: k, id: t.id, deleted: t.deleted, object: object}
		out.changed = out.changed || old == nil || old.deleted != now.deleted || !bytes.Equal(old.object, now.object)
		writer.add(&now, t.fields)
	}
	out.shard, out.object = writer.close()
	return out
}
