package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

const (
	// maxEntries is how many messages a queue takes in one request.
	maxEntries = 10
	// attemptLimit is how long one request may take, so that one that hangs leaves time
	// for others.
	attemptLimit = 2 * time.Second
)

// sending is how messages are tried again: Graph waits, but not for long.
func sending() retry.Policy {
	return retry.Policy{Attempts: 3, First: 100 * time.Millisecond, Last: time.Second, Budget: 3 * time.Second}
}

// send sends entries, all of them or with an error, and tells which ones were taken.
func send(ctx context.Context, to Sender, entries []bus.Entry, taken func(bus.Entry)) error {
	for loop := (retry.Loop{Policy: sending()}); len(entries) > 0; {
		n := min(len(entries), maxEntries)
		left, err := attempt(ctx, to, entries[:n], taken)
		entries = slices.Concat(left, entries[n:])
		var refused *bus.Refusal
		switch {
		case err == nil:
		case !errors.As(err, &refused) || !refused.Retry:
			return err
		default:
			if err := loop.Again(ctx, err, refused.After, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// attempt makes one request, and returns the entries that were not taken.
func attempt(ctx context.Context, to Sender, batch []bus.Entry, taken func(bus.Entry)) (left []bus.Entry, err error) {
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()
	failed, err := to.Send(ctx, batch)
	if err != nil {
		return batch, err
	}
	for i, e := range batch {
		if slices.ContainsFunc(failed, func(f bus.Failure) bool { return f.Index == i }) {
			left = append(left, e)
		} else {
			taken(e)
		}
	}
	if len(left) == 0 {
		return nil, nil
	}
	return left, &bus.Refusal{
		Code: failed[0].Code, Problem: fmt.Sprintf("%d of %d messages were not taken", len(left), len(batch)), Remedy: failed[0].Remedy,
		Retry: slices.ContainsFunc(failed, func(f bus.Failure) bool { return f.Retry }),
	}
}
