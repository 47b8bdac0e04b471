package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Swapper is what Update needs of a place: read an object with its version, and
// replace just that version. See the methods of the places for their errors.
type Swapper interface {
	Read(ctx context.Context, key string) ([]byte, Version, error)
	Swap(ctx context.Context, key string, body []byte, old Version) (Version, error)
}

// Update makes tries, and waits between two of them for a random part of a pause
// that doubles from firstPause to lastPause.
const (
	updateTries = 20
	firstPause  = 20 * time.Millisecond
	lastPause   = 2 * time.Second
)

// Update changes a small object that others change too. change gets what the key
// holds (nil for nothing) and returns what it is to hold, or nil to leave it as
// it is; an error of change ends Update and is returned as it is.
//
// When somebody else was first, change is asked again about what they wrote, a
// bounded number of times; then the error wraps ErrConflict. When a reply was
// lost, Update reads again, and finding exactly the bytes it wrote means success.
// Two writers of the same bytes therefore both succeed: where that matters (a
// counter), the object carries something of its writer, such as a nonce. And a
// write whose reply was lost may have been replaced before Update read again, so
// change must be able to tell from the old object that its work is done already.
func Update(ctx context.Context, at Swapper, key string, change func(old []byte) ([]byte, error)) error {
	var written []byte
	var failed error
	for try := range updateTries {
		if try > 0 {
			if err := pause(ctx, try); err != nil {
				return fmt.Errorf("change %s: %w", key, err)
			}
		}
		old, version, err := at.Read(ctx, key)
		switch {
		case errors.Is(err, ErrNotFound):
			old, version = nil, ""
		case err != nil && failed != nil:
			return failed
		case err != nil:
			return err
		case written != nil && bytes.Equal(old, written):
			return nil
		}
		// Only a conflict says that the object may be written once more.
		if failed != nil && !errors.Is(failed, ErrConflict) {
			return failed
		}
		body, err := change(old)
		if err != nil || body == nil {
			return err
		}
		if _, failed = at.Swap(ctx, key, body, version); failed == nil {
			return nil
		}
		written = bytes.Clone(body)
	}
	return failed
}

// pause waits before another try, unless ctx ends first.
func pause(ctx context.Context, try int) error {
	longest := min(firstPause<<min(try, 16), lastPause)
	timer := time.NewTimer(rand.N(longest))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
