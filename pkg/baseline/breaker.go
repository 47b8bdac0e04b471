package baseline

import (
	"context"
	"errors"
	"fmt"
	"maps"
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

// Limits are how much a list may differ from the baseline.
type Limits struct {
	// Leavers is how many known users may be missing.
	Leavers tolerance.Tolerance
	// ColumnLoss is how many of the values that a column had may be missing, after
	// allowing for a directory that has grown or shrunk. Up to ten always may.
	ColumnLoss tolerance.Tolerance
}

// Current is the list that is compared with the baseline.
type Current struct {
	// Has reports whether the user is in the list.
	Has func(id list.ID) bool
	// Users is how many there are.
	Users int
	// Empty are the columns in which nobody has a value.
	Empty []string
	// Values is about how many users have a value, by column.
	Values map[string]int
}

// Verdict is how a list differs from the baseline.
type Verdict struct {
	// Leavers is how many users of the baseline are not in the list.
	Leavers int
	// Suspicions are sentences that say why the list should not be published before
	// somebody has looked at it. None: it is as expected.
	Suspicions []string
}

// Compare compares a proven list with the baseline. Without a baseline nothing is
// suspect.
func (b *Baseline) Compare(ctx context.Context, current Current, limits Limits) (Verdict, error) {
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
	v.Suspicions = limits.Suspicions(fmt.Sprintf("the last list (run %s)", last.Run), *last, current, v.Leavers)
	return v, nil
}

// Suspicions says what is suspect about the users who are current, where leavers of those
// known last, by what they are called, are missing.
func (l Limits) Suspicions(what string, last Record, current Current, leavers int) (suspicions []string) {
	if allowed := MaxLeavers(l.Leavers, last.Users); leavers > allowed {
		suspicions = append(suspicions, fmt.Sprintf("%d of the %d users of %s are missing, and ROLLCALL_MAX_LEAVERS allows %d",
			leavers, last.Users, what, allowed))
	}
	for _, name := range last.Populated {
		if slices.Contains(current.Empty, name) {
			suspicions = append(suspicions, fmt.Sprintf("the column %s is empty for every user and was not in %s", name, what))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(last.Values)) {
		n, asked := current.Values[name]
		if !asked || last.Users == 0 || slices.Contains(current.Empty, name) {
			continue
		}
		expected := int(float64(last.Values[name]) * float64(current.Users) / float64(last.Users))
		if expected-n > max(minLeavers, l.ColumnLoss.Of(expected)) {
			suspicions = append(suspicions, fmt.Sprintf("the column %s has a value for about %d users, and about %d are to be expected after %s; ROLLCALL_MAX_COLUMN_LOSS allows to lose %s",
				name, n, expected, what, l.ColumnLoss))
		}
	}
	return suspicions
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
