package storetest_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

func TestMemoryKeepsThePromisesOfAStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Store { return storetest.NewMemory() })
}

func TestAFaultyStoreWithoutFaultsKeepsThemToo(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Store { return &storetest.Faulty{Store: storetest.NewMemory()} })
}

var errFailed = errors.New("the call failed")

func TestAFaultBeforeACallKeepsItFromHappening(t *testing.T) {
	memory := storetest.NewMemory()
	f := &storetest.Faulty{Store: memory, Before: func(op, _ string) error {
		if op == "commit" || op == "swap" {
			return errFailed
		}
		return nil
	}}
	u, err := f.Create(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Commit(); !errors.Is(err, errFailed) {
		t.Errorf("the commit returned %v", err)
	}
	if memory.Pending() != 1 {
		t.Errorf("%d uploads are pending before the abort, want 1", memory.Pending())
	}
	u.Abort()
	if _, err := f.Swap(t.Context(), "b", nil, ""); !errors.Is(err, errFailed) {
		t.Errorf("the swap returned %v", err)
	}
	if keys := memory.Keys(); len(keys) > 0 || memory.Pending() != 0 {
		t.Errorf("the store holds %q and %d uploads", keys, memory.Pending())
	}
	want := []storetest.Call{{Op: "create", Key: "a"}, {Op: "commit", Key: "a"}, {Op: "abort", Key: "a"}, {Op: "swap", Key: "b"}}
	if diff := cmp.Diff(want, f.Calls()); diff != "" {
		t.Error(diff)
	}
}

func TestALostReplyIsACallThatHappened(t *testing.T) {
	memory := storetest.NewMemory()
	f := &storetest.Faulty{Store: memory, After: func(op, _ string) error {
		if op == "commit" || op == "swap" {
			return errFailed
		}
		return nil
	}}
	u, err := f.Create(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := u.Commit(); !errors.Is(err, errFailed) {
		t.Errorf("the commit returned %v", err)
	}
	if _, err := f.Swap(t.Context(), "b", nil, ""); !errors.Is(err, errFailed) {
		t.Errorf("the swap returned %v", err)
	}
	if _, err := f.Swap(t.Context(), "b", nil, ""); !errors.Is(err, store.ErrConflict) {
		t.Errorf("the same swap again returned %v, want the conflict with the first", err)
	}
	if diff := cmp.Diff([]string{"a", "b"}, memory.Keys()); diff != "" {
		t.Error(diff)
	}
}

func TestTheStoreInMemorySaysWhatItHolds(t *testing.T) {
	storetest.RunFolders(t, storetest.NewMemory())
}
