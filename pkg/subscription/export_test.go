package subscription

import "github.com/rollcall-dev/rollcall/pkg/graph"

// Wanted is wanted for tests.
func (k *Keeper) Wanted() graph.Subscription { return k.wanted() }
