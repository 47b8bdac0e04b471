package changes

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWhatIsSpilledComesBackInOrder(t *testing.T) {
	s := newSpill(t.TempDir())
	defer s.Close()
	object := `{"id":"` + strings.Repeat("x", 2000) + `"}`
	const n = 10_000 // more than fits into memory
	for i := range n {
		if err := s.add(i%3, kind('A'+i/3%26), []byte(object)); err != nil {
			t.Fatal(err)
		}
	}
	if s.Size() == 0 {
		t.Fatal("nothing was spilled")
	}
	for shard := range 3 {
		i := shard
		for e, err := range s.of(shard) {
			if err != nil || e.kind != kind('A'+i/3%26) || string(e.object) != object {
				t.Fatalf("entry %d: %v %c", i, err, e.kind)
			}
			i += 3
		}
		if i < n {
			t.Errorf("shard %d ends at %d", shard, i)
		}
	}
	if s.Reset(); len(s.Touched()) > 0 {
		t.Error("it was not forgotten")
	}
}

// FuzzSpill has the file of a spill that anybody may have stored.
func FuzzSpill(f *testing.F) {
	s := newSpill(f.TempDir())
	defer s.Close()
	for i := range 3 {
		if err := s.add(i, listed, []byte(`{"id":"u","mail":"x"}`)); err != nil {
			f.Fatal(err)
		}
	}
	if err := s.Flush(); err != nil {
		f.Fatal(err)
	}
	file := make([]byte, s.Size())
	if _, err := s.ReadAt(file, 0); err != nil {
		f.Fatal(err)
	}
	f.Add(file)
	f.Fuzz(func(t *testing.T, file []byte) {
		s := newSpill(t.TempDir())
		defer s.Close()
		if len(file) == 0 || s.Restore(file) != nil || s.index() != nil {
			return
		}
		for _, err := range s.ids() {
			if err != nil {
				break
			}
		}
		for i := range shardCount {
			if w, err := newWork(nil, columns{"mail"}, columns{"mail"}, s, i); err == nil {
				w.finish(newShardWriter(), "head", true)
			}
		}
	})
}

func TestASpillThatIsRestoredIsTheSame(t *testing.T) {
	s := newSpill(t.TempDir())
	defer s.Close()
	for i := range 1000 {
		if err := s.add(i%7, kind("LDCMRP"[i%6]), fmt.Appendf(nil, `{"id":"%d"}`, i)); err != nil {
			t.Fatal(err)
		}
		if i == 500 {
			if err := s.Flush(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	restored := newSpill(t.TempDir())
	defer restored.Close()
	for at := int64(0); at < s.Size(); at += 100 {
		some := make([]byte, min(100, s.Size()-at))
		if _, err := s.ReadAt(some, at); err != nil {
			t.Fatal(err)
		}
		if err := restored.Restore(some); err != nil {
			t.Fatal(err)
		}
	}
	if err := restored.index(); err != nil {
		t.Fatal(err)
	}
	text := func(s *spill) (all []string) {
		for i := range shardCount {
			for e, err := range s.of(i) {
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, fmt.Sprintf("%d %c %s", i, e.kind, e.object))
			}
		}
		return all
	}
	if diff := cmp.Diff(text(s), text(restored)); diff != "" || len(text(s)) != 1000 {
		t.Error(diff)
	}
	ids := 0
	for _, err := range restored.ids() {
		if err != nil {
			t.Fatal(err)
		}
		ids++
	}
	if ids != 167 {
		t.Errorf("%d ids", ids)
	}
	for name, damage := range map[string]func([]byte){
		"a frame beyond the end": func(head []byte) { head[1] = 0x7f },
		"a frame that is huge":   func(head []byte) { head[5] = 0x7f },
	} {
		head := []byte{0, 0, 0, 0, 1, 0, 0, 0, 9, 0}
		damage(head)
		r := newSpill(t.TempDir())
		if err := r.Restore(head); err != nil {
			t.Fatal(err)
		}
		if r.index() == nil {
			t.Errorf("%s is taken", name)
		}
		r.Close()
	}
}
