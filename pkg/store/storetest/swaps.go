package storetest

import (
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

func swapReplaces(t *testing.T, s Store) {
	first := mustSwap(t, s, "latest/tenant=a.json", []byte("one"), "")
	if read := wantBody(t, s, "latest/tenant=a.json", []byte("one")); read != first {
		t.Errorf("Swap returned version %q, Read %q", first, read)
	}
	second := mustSwap(t, s, "latest/tenant=a.json", []byte("two"), first)
	if second == first {
		t.Error("another content has the same version")
	}
	if read := wantBody(t, s, "latest/tenant=a.json", []byte("two")); read != second {
		t.Errorf("Swap returned version %q, Read %q", second, read)
	}

	mustCreate(t, s, "made", []byte("by an upload"))
	mustSwap(t, s, "made", []byte("by a swap"), wantBody(t, s, "made", []byte("by an upload")))
	wantBody(t, s, "made", []byte("by a swap"))
}

func swapConflicts(t *testing.T, s Store) {
	first := mustSwap(t, s, "state", []byte("one"), "")
	_, err := s.Swap(t.Context(), "state", []byte("remade"), "")
	wantError(t, "making what is there", err, store.ErrConflict)
	_, err = s.Swap(t.Context(), "never-made", []byte("replaced"), first)
	wantError(t, "replacing what is not there", err, store.ErrConflict)
	wantNothing(t, s, "never-made")

	second := mustSwap(t, s, "state", []byte("two"), first)
	_, err = s.Swap(t.Context(), "state", []byte("late"), first)
	wantError(t, "replacing an old version", err, store.ErrConflict)
	wantBody(t, s, "state", []byte("two"))

	if err := s.Delete(t.Context(), "state"); err != nil {
		t.Fatal(err)
	}
	_, err = s.Swap(t.Context(), "state", []byte("three"), second)
	wantError(t, "replacing what was deleted", err, store.ErrConflict)
	wantNothing(t, s, "state")
	mustSwap(t, s, "state", []byte("three"), "")
	wantBody(t, s, "state", []byte("three"))
}

// writers is how many goroutines want the same object at once.
const writers = 8

// together runs f in as many goroutines and waits for them.
func together(f func(writer int)) {
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

func oneSwapWins(t *testing.T, s Store) {
	var version store.Version
	for round := range 4 {
		var won atomic.Int32
		together(func(writer int) {
			_, err := s.Swap(t.Context(), "pointer", []byte(strconv.Itoa(round*100+writer)), version)
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, store.ErrConflict):
				t.Error(err)
			}
		})
		if won.Load() != 1 {
			t.Fatalf("round %d: %d of %d swaps of the same version won", round, won.Load(), writers)
		}
		var err error
		if _, version, err = s.Read(t.Context(), "pointer"); err != nil {
			t.Fatal(err)
		}
	}
}

func noUpdateIsLost(t *testing.T, s Store) {
	const each = 4
	together(func(int) {
		for range each {
			if err := increment(t, s); err != nil {
				t.Error(err)
				return
			}
		}
	})
	wantBody(t, s, "counter", []byte(strconv.Itoa(writers*each)))
}

// increment adds one to a counter, retrying as often as another writer was first.
func increment(t *testing.T, s Store) error {
	for {
		body, version, err := s.Read(t.Context(), "counter")
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		n := 0
		if version != "" {
			if n, err = strconv.Atoi(string(body)); err != nil {
				return err
			}
		}
		_, err = s.Swap(t.Context(), "counter", []byte(strconv.Itoa(n+1)), version)
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
}
