package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// Swapper is what Update needs of a store: read an object with its version, and
// replace just that version. See the methods of the places for their errors.
type Swapper interface {
	Read(ctx context.Context, key string) ([]byte, Version, error)
	Swap(ctx context.Context, key string, body []byte, old Version) (Version, error)
}

// Update changes a small object that others change too. change gets what the key
// holds (nil for nothing) and returns what it is to hold, or nil to leave it as
// it is; an error of change ends Update and is returned as it is.
//
// When another writer was first, change is called with what they wrote, a bounded
// number of times; then the error wraps ErrConflict. When a reply was lost, Update
// rereads the object, and finding exactly the bytes it wrote means success.
// Two writers of the same bytes therefore both succeed: where that matters (a
// counter), the object carries something of its writer, such as a nonce. And a
// write whose reply was lost may have been replaced before Update reread it, so
// change must be able to tell from the old object that its work is already done.
func Update(ctx context.Context, at Swapper, key string, change func(old []byte) ([]byte, error)) error {
	loop := retry.Loop{Policy: retry.Policy{Attempts: 20, First: 20 * time.Millisecond, Last: 2 * time.Second}}
	var written []byte
	var failed error
	for {
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
		if _, failed = swap(ctx, at, key, body, version); failed == nil {
			return nil
		}
		written = bytes.Clone(body)
		if err := loop.Again(ctx, failed, 0, nil); err != nil {
			return fmt.Errorf("change %s: %w", key, err)
		}
	}
}

// Move is a Swap of an object that has a [Nonce] in it. After a conflict it finds out
// whether an earlier attempt of its own was the one that succeeded. If not, the error
// wraps ErrConflict, and winner is what the key holds.
func Move(ctx context.Context, at Swapper, key string, body []byte, old Version) (version Version, winner []byte, err error) {
	version, err = swap(ctx, at, key, body, old)
	if !errors.Is(err, ErrConflict) {
		return version, nil, err
	}
	stored, version, unread := at.Read(ctx, key)
	switch {
	case unread != nil:
		return "", nil, unread
	case !bytes.Equal(stored, body):
		return "", stored, err
	}
	return version, nil, nil
}

// swap is a Swap as a span of a trace.
func swap(ctx context.Context, at Swapper, key string, body []byte, old Version) (Version, error) {
	ctx, span := telemetry.StartCall(ctx, "store put", slog.String("store.key", key), slog.Int("store.bytes", len(body)))
	version, err := at.Swap(ctx, key, body, old)
	span.End(err)
	return version, err
}

// Nonce returns random digits, by which what one writer has written is told from
// everything else.
func Nonce() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}
