package baseline

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// minLeavers is how many users may always be missing where a share is allowed, so
// that small tenants are not held up.
const minLeavers = 10

// MaxLeavers returns how many of n known users may be missing from a list.
func MaxLeavers(t tolerance.Tolerance, n int) int {
	if t.Share > 0 {
		return max(minLeavers, t.Of(n))
	}
	return t.Of(n)
}

// Current is the list that is compared with the baseline.
type Current interface {
	// Has reports whether the user is in the list.
	Has(id list.ID) bool
}

// Verdict is how a list differs from the baseline.
type Verdict struct {
	// Leavers is how many users of the baseline are not in the list.
	Leavers int
	// Suspicions are sentences that say why the list should not be published before
	// somebody has looked at it. None: it is as expected.
	Suspicions []string
}

// Compare compares a proven list with the baseline. empty are its columns in which
// nobody has a value. Without a baseline nothing is suspect.
func (b *Baseline) Compare(ctx context.Context, current Current, empty []string, maxLeavers tolerance.Tolerance) (Verdict, error) {
	last, err := b.Load(ctx)
	if err != nil || last == nil {
		return Verdict{}, err
	}
	var v Verdict
	for {
		v.Leavers, err = b.leavers(ctx, last, current)
		if err == nil {
			break
		}
		var damaged *store.StateError
		if !errors.Is(err, store.ErrNotFound) && !errors.As(err, &damaged) {
			return Verdict{}, fmt.Errorf("compare with the last list: %w", err)
		}
		// Another run may have replaced the baseline meanwhile.
		reloaded, err := b.Load(ctx)
		if err != nil {
			return Verdict{}, err
		}
		if reloaded == nil || reloaded.Run == last.Run {
			return Verdict{Suspicions: []string{
				fmt.Sprintf("the ids of the last list (run %s) are gone or damaged, so nobody can say who is missing", last.Run),
			}}, nil
		}
		last = reloaded
	}
	if allowed := MaxLeavers(maxLeavers, last.Users); v.Leavers > allowed {
		v.Suspicions = append(v.Suspicions, fmt.Sprintf("%d of the %d users of the last list (run %s) are missing, and ROLLCALL_MAX_LEAVERS allows %d",
			v.Leavers, last.Users, last.Run, allowed))
	}
	for _, name := range last.Populated {
		if slices.Contains(empty, name) {
			v.Suspicions = append(v.Suspicions, fmt.Sprintf("the column %s is empty for every user and was not in the last list (run %s)", name, last.Run))
		}
	}
	return v, nil
}

// leavers counts the users of the baseline that are not in the list.
func (b *Baseline) leavers(ctx context.Context, last *Record, current Current) (int, error) {
	n := 0
	for id, err := range ReadIDs(ctx, b.store, last.IDs) {
		if err != nil {
			return 0, err
		}
		if !current.Has(id) {
			n++
		}
	}
	return n, nil
}
