package baseline_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/baseline"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

// storeIDs stores ids as a slice does.
func storeIDs(t testing.TB, at baseline.Store, name string, ids []list.ID) []baseline.IDs {
	t.Helper()
	w := baseline.NewIDWriter(at, name)
	for _, id := range ids {
		if err := w.Add(t.Context(), id); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w.Objects()
}

// someIDs are the ids of invented users, by their numbers.
func someIDs(from, to int) []list.ID {
	var ids []list.ID
	for i := from; i < to; i++ {
		id := fmt.Sprintf("%08x-07e2-4810-8459-%012x", i*2654435761%(1<<32), i)
		if i%3 == 0 {
			id = fmt.Sprintf("user-%d", i)
		}
		ids = append(ids, list.NewID([]byte(id)))
	}
	return ids
}

// damages are what can happen to the ids in an object; nil is what is left of one that is
// deleted.
func damages() map[string]func(body []byte) []byte {
	return map[string]func(body []byte) []byte{
		"a byte is flipped":   func(b []byte) []byte { b[20] ^= 1; return b },
		"an id is cut off":    func(b []byte) []byte { return b[:len(b)-16] },
		"half an id is lost":  func(b []byte) []byte { return b[:len(b)-8] },
		"a few bytes are cut": func(b []byte) []byte { return b[:len(b)-5] },
		"one id too many":     func(b []byte) []byte { return append(b, b[:16]...) },
		"it is empty":         func([]byte) []byte { return []byte{} },
		"it is gone":          func([]byte) []byte { return nil },
	}
}

func damageObject(t *testing.T, at *storetest.Memory, key string, damage func(body []byte) []byte) {
	t.Helper()
	err := store.Update(t.Context(), at, key, func(old []byte) ([]byte, error) { return damage(slices.Clone(old)), nil })
	if err == nil && damage(make([]byte, 32)) == nil {
		err = at.Delete(t.Context(), key)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestStoredIDsAreReadBack(t *testing.T) {
	at := storetest.NewMemory()
	want := someIDs(0, 150_000) // more than two blocks
	objects := storeIDs(t, at, "one", want[:1])
	objects = append(objects, storeIDs(t, at, "more", want[1:])...)
	objects = append(objects, storeIDs(t, at, "none", nil)...)
	if len(objects) != 4 || objects[0].Users != 1 || objects[1].Users+objects[2].Users+objects[3].Users != len(want)-1 {
		t.Fatalf("%+v", objects)
	}
	var got []list.ID
	for id, err := range baseline.ReadIDs(t.Context(), at, objects) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, id)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d ids were read, not the %d that were written", len(got), len(want))
	}
}

func TestReadingIDsMayStopEarly(t *testing.T) {
	at := storetest.NewMemory()
	objects := append(storeIDs(t, at, "a", someIDs(0, 10)), storeIDs(t, at, "b", someIDs(10, 20))...)
	n := 0
	for _, err := range baseline.ReadIDs(t.Context(), at, objects) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 7 {
			break
		}
	}
	if n != 7 {
		t.Errorf("%d ids", n)
	}
}

func TestDamagedIDsAreAnErrorThatNamesTheObject(t *testing.T) {
	for name, damage := range damages() {
		at := storetest.NewMemory()
		objects := storeIDs(t, at, "ids", someIDs(0, 10))
		damageObject(t, at, objects[0].Key, damage)
		err := readAll(t.Context(), at, objects)
		var state *store.StateError
		invalid := errors.As(err, &state) && state.Name() == "State.Invalid" && state.URL == at.URL(objects[0].Key)
		if gone := name == "it is gone"; invalid == gone || errors.Is(err, store.ErrNotFound) != gone {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func readAll(ctx context.Context, at baseline.Store, objects []baseline.IDs) error {
	for _, err := range baseline.ReadIDs(ctx, at, objects) {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestAnObjectWhoseStoringFailedIsNamed because it may be there all the same: whoever
// cleans up has to know it.
func TestAnObjectWhoseStoringFailedIsNamed(t *testing.T) {
	memory := storetest.NewMemory()
	lost := errors.New("the reply was lost")
	w := baseline.NewIDWriter(&storetest.Faulty{Store: memory, After: func(string, string) error { return lost }}, "ids")
	if err := w.Add(t.Context(), someIDs(0, 1)[0]); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(t.Context()); !errors.Is(err, lost) {
		t.Errorf("the error is %v", err)
	}
	if objects := w.Objects(); len(objects) != 1 || !slices.Equal(memory.Keys(), []string{objects[0].Key}) {
		t.Errorf("%v are stored, %+v are named", memory.Keys(), objects)
	}
}
