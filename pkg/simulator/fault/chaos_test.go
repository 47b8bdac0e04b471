package fault_test

import (
	"slices"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/simulator/fault"
)

func TestChaosNeverLosesUsersAndHidesItInOneTenant(t *testing.T) {
	losing := []string{"early-end", "lost-page", "lost-end", "null-link", "replica-lag"}
	hiding := []string{"count-lag", "count-old", "delta-lag"}
	hidden := 0
	for seed := range uint64(500) {
		chaos := fault.NewChaos(seed+1, false)
		lost := false
		for range 300 {
			for _, on := range []string{fault.List, fault.Count, fault.Delta} {
				name := chaos.Next(on, 2, "a request").Kind.Name
				lost = lost || slices.Contains(losing, name)
				if slices.Contains(hiding, name) {
					hidden++
					if lost {
						t.Fatalf("seed %d: %s after users were lost", seed+1, name)
					}
				}
			}
		}
	}
	if hidden == 0 {
		t.Error("no count and no change is ever late")
	}
}

func TestChaosTreatsARequestAlikeWhateverElseIsAsked(t *testing.T) {
	alone, crowded := fault.NewChaos(3, false), fault.NewChaos(3, false)
	for range 200 {
		want := alone.Next(fault.User, 0, "one")
		crowded.Next(fault.User, 0, "other")
		got := crowded.Next(fault.User, 0, "one")
		if want.Kind != got.Kind || !slices.Equal(want.Changes, got.Changes) {
			t.Fatalf("%+v, in a crowd %+v", want, got)
		}
	}
}
