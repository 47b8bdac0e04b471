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

// stored writes ids as a slice does.
func stored(t *testing.T, at baseline.Store, name string, ids []list.ID) []baseline.IDs {
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

func TestStoredIDsAreReadBack(t *testing.T) {
	at := storetest.NewMemory()
	want := someIDs(0, 150_000) // more than two blocks
	objects := stored(t, at, "one", want[:1])
	objects = append(objects, stored(t, at, "more", want[1:])...)
	objects = append(objects, stored(t, at, "none", nil)...)
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
	objects := append(stored(t, at, "a", someIDs(0, 10)), stored(t, at, "b", someIDs(10, 20))...)
	n := 0
	for range baseline.ReadIDs(t.Context(), at, objects) {
		if n++; n == 7 {
			break
		}
	}
	if n != 7 {
		t.Errorf("%d ids", n)
	}
}

func TestDamagedIDsAreAnErrorThatNamesTheObject(t *testing.T) {
	for name, damage := range map[string]func(body []byte) []byte{
		"a byte is flipped":  func(b []byte) []byte { b[20] ^= 1; return b },
		"an id is cut off":   func(b []byte) []byte { return b[:len(b)-16] },
		"half an id is lost": func(b []byte) []byte { return b[:len(b)-8] },
		"one id too many":    func(b []byte) []byte { return append(b, b[:16]...) },
		"nothing is left":    func([]byte) []byte { return nil },
	} {
		at := storetest.NewMemory()
		objects := stored(t, at, "ids", someIDs(0, 10))
		err := store.Update(t.Context(), at, objects[0].Key, func(old []byte) ([]byte, error) {
			if damaged := damage(slices.Clone(old)); damaged != nil {
				return damaged, nil
			}
			return []byte{}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var state *store.StateError
		if err := readAll(t.Context(), at, objects); !errors.As(err, &state) || state.Name() != "State.Invalid" || state.URL != at.URL(objects[0].Key) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := readAll(t.Context(), storetest.NewMemory(), []baseline.IDs{{Key: "ids", Users: 1}}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("missing: %v", err)
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
