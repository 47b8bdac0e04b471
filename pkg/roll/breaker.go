package roll

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Leavers is how many of the users who were there last time may be missing
// before a list is suspect.
type Leavers struct {
	// Share is a fraction of the users known; 0.01 means 1 %. At least 10 users
	// may be missing then, so that small tenants are not held up.
	Share float64
	// Users is a fixed number, used where Share is 0.
	Users int
}

const fewLeavers = 10

// Allowed returns how many of n known users may be missing.
func (l Leavers) Allowed(n int) int {
	if l.Share > 0 {
		return max(fewLeavers, portion(l.Share, n))
	}
	return l.Users
}

// SuspectError means that a list is complete and yet so unlike the last one that
// a person has to look at it before it is published.
type SuspectError struct {
	// Run is the run's name, by which it can be accepted.
	Run string
	// Manifest is the URL of what was found.
	Manifest string
	// Reasons say what is unlike.
	Reasons []string
}

// Error says what is unlike and what to do.
func (e *SuspectError) Error() string {
	return fmt.Sprintf("the list of run %s is suspect and was not published: %s; the last list stays; look at %s, and if it is right, "+
		"publish it with {\"accept\":%q} (and its tenant, if that is of the tenants file) or --accept %[1]s", e.Run, strings.Join(e.Reasons, "; "), e.Manifest, e.Run)
}

// Name returns the public name of the error.
func (e *SuspectError) Name() string { return "Snapshot.Suspect" }

// judge compares the list with the last one that was published of the same filter
// and returns what is suspicious about it. leavers are the users of the last one
// who are not in this one.
func (r *run) judge(ctx context.Context) (leavers int, reasons []string, err error) {
	last, err := r.known(ctx)
	if err != nil || last == nil {
		return 0, nil, err
	}
	for {
		leavers = 0
		err := r.readIDs(ctx, last.IDs, func(k key) {
			if !r.slice.reading.seen.has(k) {
				leavers++
			}
		})
		if err == nil {
			break
		}
		var damaged *StateError
		if !errors.Is(err, store.ErrNotFound) && !errors.As(err, &damaged) {
			return 0, nil, fmt.Errorf("compare with the last list: %w", err)
		}
		// Another run may have become the last one meanwhile.
		again, err := r.known(ctx)
		if err != nil {
			return 0, nil, err
		}
		if again == nil || again.Run == last.Run {
			return 0, []string{fmt.Sprintf("the ids of the last list (run %s) are gone or damaged, so nobody can say who is missing", last.Run)}, nil
		}
		last = again
	}
	if allowed := r.MaxLeavers.Allowed(last.Users); leavers > allowed {
		reasons = append(reasons, fmt.Sprintf("%d of the %d users of the last list (run %s) are missing, and ROLLCALL_MAX_LEAVERS allows %d",
			leavers, last.Users, last.Run, allowed))
	}
	for _, name := range last.Populated {
		if slices.Contains(r.slice.blanks.names, name) && !slices.Contains(r.state.Report.MissingColumns, name) {
			reasons = append(reasons, fmt.Sprintf("the column %s is empty for every user and was not in the last list (run %s)", name, last.Run))
		}
	}
	return leavers, reasons, nil
}
