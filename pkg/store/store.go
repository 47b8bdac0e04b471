// Package store says what a store of objects is: the destination of snapshots and
// the home of state. The stores themselves are packages below this one (s3, azblob,
// file), each with a New that returns its own type; their users declare which of
// their methods they need.
//
// Every store keeps the same four promises, and package storetest checks them: an
// object appears whole or not at all; an object that [Upload] makes replaces
// nothing; a Swap succeeds only if no other came first; and what was
// acknowledged is there for every later reader.
package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"time"
)

// MaxRead is the size in bytes of the largest object that Read returns whole.
// Larger ones are read by Open. A checkpoint of ten million users in parts of 1 MiB has
// 2 MiB; what is longer is none, and must not fill the memory of a function.
const MaxRead = 16 << 20

// Version identifies what a key holds at a time: an ETag where the store has
// ETags. The empty Version means that the key holds nothing.
type Version string

// Upload is an object that is being written. Nothing of it can be seen before
// Commit. It is for one goroutine, which ends it by Commit or Abort.
type Upload interface {
	// Write sends a part of the object. After an error the upload can only be
	// aborted.
	io.Writer
	// Commit makes the object visible, whole and durable. It fails with
	// [ErrConflict] if the key holds an object already. If the reply is lost, it
	// finds out what became of the object. A Commit that failed leaves nothing for
	// Abort to remove.
	Commit() error
	// Abort drops the object and what was written of it. After Commit it does nothing.
	Abort()
}

// ReadAll reads an object to its end for a Read. size is its size, or less than 0
// where it is not known. It fails with [ErrTooLarge] above [MaxRead].
func ReadAll(object io.Reader, size int64) ([]byte, error) {
	if size > MaxRead {
		return nil, ErrTooLarge
	}
	var body bytes.Buffer
	body.Grow(int(max(size, 0)) + bytes.MinRead) // less than 0: it grows as it is read
	if _, err := body.ReadFrom(io.LimitReader(object, MaxRead+1)); err != nil {
		return nil, err
	}
	if body.Len() > MaxRead {
		return nil, ErrTooLarge
	}
	return body.Bytes(), nil
}

// WithGrace returns a context that ends a grace period after ctx does. Requests that
// change what a store holds run under one: cutting one off would leave its outcome
// unknown.
func WithGrace(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() {
		stop()
		cancel()
	}
}

var (
	// ErrNotFound means that the key holds nothing.
	ErrNotFound = errors.New("there is no such object")
	// ErrConflict means that the key does not hold the version that was to be
	// replaced: another writer was first, or the caller's own earlier attempt whose
	// reply was lost. The caller rereads to find out.
	ErrConflict = errors.New("the object was changed meanwhile")
	// ErrTooLarge means that Read was asked for an object above [MaxRead].
	ErrTooLarge = errors.New("the object is too large to be read at once")
	// ErrEnded means that an Upload was used after its Commit or Abort.
	ErrEnded = errors.New("the upload has ended already")
)
