package store_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

var errLost = errors.New("the reply was lost")

// once makes a fault at the first call of an operation.
func once(op string, fail func() error) func(string, string) error {
	done := false
	return func(called, _ string) error {
		if called != op || done {
			return nil
		}
		done = true
		return fail()
	}
}

func lose() error { return errLost }

// add returns a change that adds a line.
func add(line string) func([]byte) ([]byte, error) {
	return func(old []byte) ([]byte, error) { return append(bytes.Clone(old), line+"\n"...), nil }
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	somebodyElse := func(m *storetest.Memory) func() error {
		return func() error { return store.Update(context.Background(), m, "state", add("somebody else")) }
	}
	for _, test := range []struct {
		name   string
		before func(m *storetest.Memory) func(op, key string) error
		after  func(m *storetest.Memory) func(op, key string) error
		want   string
	}{
		{name: "undisturbed", want: "was\nis\n"},
		{
			name:   "when somebody else is first",
			before: func(m *storetest.Memory) func(string, string) error { return once("swap", somebodyElse(m)) },
			want:   "was\nsomebody else\nis\n",
		},
		{
			name:  "when the reply is lost",
			after: func(*storetest.Memory) func(string, string) error { return once("swap", lose) },
			want:  "was\nis\n",
		},
		{
			name: "when the reply of the first try is lost inside the store",
			before: func(m *storetest.Memory) func(string, string) error {
				return once("swap", func() error {
					// What an SDK does: its own second try meets its first.
					_, version, err := m.Read(context.Background(), "state")
					if err != nil {
						return err
					}
					_, err = m.Swap(context.Background(), "state", []byte("was\nis\n"), version)
					return err
				})
			},
			want: "was\nis\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory := storetest.NewMemory()
				if _, err := memory.Swap(t.Context(), "state", []byte("was\n"), ""); err != nil {
					t.Fatal(err)
				}
				f := &storetest.Faulty{Store: memory}
				if test.before != nil {
					f.Before = test.before(memory)
				}
				if test.after != nil {
					f.After = test.after(memory)
				}
				if err := store.Update(t.Context(), f, "state", add("is")); err != nil {
					t.Fatal(err)
				}
				if got, _, err := memory.Read(t.Context(), "state"); err != nil || string(got) != test.want {
					t.Errorf("%q (%v), want %q", got, err, test.want)
				}
			})
		})
	}
}

func TestUpdateMakesWhatIsNotThere(t *testing.T) {
	memory := storetest.NewMemory()
	err := store.Update(t.Context(), memory, "state", func(old []byte) ([]byte, error) {
		if old != nil {
			t.Errorf("the change got %q", old)
		}
		return []byte{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if keys := memory.Keys(); !slices.Equal(keys, []string{"state"}) {
		t.Errorf("the store holds %q", keys)
	}
}

func TestAnUpdateThatChangesNothingWritesNothing(t *testing.T) {
	f := &storetest.Faulty{Store: storetest.NewMemory()}
	if err := store.Update(t.Context(), f, "state", func([]byte) ([]byte, error) { return nil, nil }); err != nil {
		t.Fatal(err)
	}
	errRefused := errors.New("not like this")
	if err := store.Update(t.Context(), f, "state", func([]byte) ([]byte, error) { return []byte("x"), errRefused }); !errors.Is(err, errRefused) {
		t.Errorf("an error of the change became %v", err)
	}
	for _, call := range f.Calls() {
		if call.Op != "read" {
			t.Errorf("there was a %s", call.Op)
		}
	}
}

func TestAnUpdateThatWasNotMadeFails(t *testing.T) {
	errDown := errors.New("the store is down")
	for _, op := range []string{"read", "swap"} {
		f := &storetest.Faulty{Store: storetest.NewMemory(), Before: func(called, _ string) error {
			if called == op {
				return errDown
			}
			return nil
		}}
		if err := store.Update(t.Context(), f, "state", add("is")); !errors.Is(err, errDown) {
			t.Errorf("with the %s failing, Update returned %v", op, err)
		}
	}
}

func TestAnUpdateThatBrokeIsNotRepeated(t *testing.T) {
	memory := storetest.NewMemory()
	f := &storetest.Faulty{Store: memory, Before: once("swap", lose)}
	if err := store.Update(t.Context(), f, "state", add("is")); !errors.Is(err, errLost) {
		t.Errorf("Update returned %v", err)
	}
	if keys := memory.Keys(); len(keys) > 0 {
		t.Errorf("the store holds %q", keys)
	}
}

func TestAnUpdateThatNeverWinsEndsInAConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := storetest.NewMemory()
		f := &storetest.Faulty{Store: memory, Before: func(op, _ string) error {
			if op == "swap" {
				return store.Update(context.Background(), memory, "state", add("somebody else"))
			}
			return nil
		}}
		if err := store.Update(t.Context(), f, "state", add("is")); !errors.Is(err, store.ErrConflict) {
			t.Errorf("Update returned %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := store.Update(ctx, f, "state", add("is")); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("past its deadline, Update returned %v", err)
		}
	})
}

func TestUpdatesSideBySideAreAllKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := storetest.NewMemory()
		names := strings.Split("abcdefgh", "")
		var all sync.WaitGroup
		for _, name := range names {
			all.Go(func() {
				for range 3 {
					if err := store.Update(t.Context(), memory, "state", add(name)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		got, _, err := memory.Read(t.Context(), "state")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if n := strings.Count(string(got), name+"\n"); n != 3 {
				t.Errorf("%s wrote 3 lines, %d are there", name, n)
			}
		}
	})
}

// Move is asked to put something where somebody else has been first, or it itself has, whose
// reply was lost.
func TestMoveTellsItsOwnEarlierAttemptFromAnotherWriter(t *testing.T) {
	m := storetest.NewMemory()
	first, err := m.Swap(t.Context(), "state", []byte("was"), "")
	if err != nil {
		t.Fatal(err)
	}
	version, winner, err := store.Move(t.Context(), m, "state", []byte("is"), first)
	if err != nil || winner != nil {
		t.Fatalf("undisturbed: %q, %v", winner, err)
	}
	again, winner, err := store.Move(t.Context(), m, "state", []byte("is"), first)
	if err != nil || again != version || winner != nil {
		t.Errorf("its own earlier attempt: version %q of %q, %q, %v", again, version, winner, err)
	}
	if _, winner, err = store.Move(t.Context(), m, "state", []byte("mine"), first); !errors.Is(err, store.ErrConflict) || string(winner) != "is" {
		t.Errorf("another writer: %q, %v", winner, err)
	}
	if err := m.Delete(t.Context(), "state"); err != nil {
		t.Fatal(err)
	}
	if _, winner, err = store.Move(t.Context(), m, "state", []byte("mine"), first); err == nil || winner != nil {
		t.Errorf("deleted meanwhile: %q, %v", winner, err)
	}
	if a, b := store.Nonce(), store.Nonce(); a == b || store.CheckKey(a) != nil {
		t.Errorf("the nonces %q and %q", a, b)
	}
}
