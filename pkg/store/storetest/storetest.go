// Package storetest tests that a store keeps the promises of package store: [Run] is
// the suite of all stores, [RunRemote] that of stores behind HTTP, whose requests a
// [Double] of the service makes fail. For other packages' tests there are [Memory], a
// store in memory, and [Faulty], which makes the calls of a store fail or lose their
// replies.
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Store is a store of objects, with the methods that all stores have.
type Store interface {
	Create(ctx context.Context, key string) (store.Upload, error)
	Read(ctx context.Context, key string) ([]byte, store.Version, error)
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	Swap(ctx context.Context, key string, body []byte, old store.Version) (store.Version, error)
	Delete(ctx context.Context, key string) error
	URL(key string) string
}

// Run runs the suite. empty returns a store with nothing in it; each test has its
// own.
func Run(t *testing.T, empty func(t *testing.T) Store) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s Store)
	}{
		{"AnObjectCannotBeSeenBeforeItsCommit", invisibleBeforeCommit},
		{"AnEmptyObjectIsAnObject", emptyObject},
		{"ALargeObjectArrivesAsItWas", largeObject},
		{"AnUploadReplacesNothing", createOnly},
		{"OfTwoUploadsOfTheSameBytesOneWins", twoUploads},
		{"AnAbortLeavesNothing", abortLeavesNothing},
		{"AnAbortAfterCommitDoesNothing", abortAfterCommit},
		{"AnEndedUploadTakesNoMore", endedUpload},
		{"ACancelledUploadLeavesNothing", cancelledUpload},
		{"ACancelledCommitLeavesNothing", cancelledCommit},
		{"ASwapReplacesTheVersionItRead", swapReplaces},
		{"ASwapOfAnotherVersionIsAConflict", swapConflicts},
		{"OfManySwapsOneWins", oneSwapWins},
		{"NoUpdateIsLost", noUpdateIsLost},
		{"AMissingObjectIsNotFound", missingObject},
		{"ADeletedObjectIsGone", deletedObject},
		{"AStreamThatIsCancelledIsAnError", cancelledStream},
		{"AKeyMayHoldEqualSignsAndDots", oddKeys},
		{"WhatIsNotAKeyIsRefused", badKeys},
		{"TheURLIsStableAndNamesTheKey", stableURL},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, empty(t)) })
	}
}

// content returns n bytes, the same for the same n. They repeat at a length that
// divides no part's, so that no two parts are alike.
func content(n int) []byte {
	block := make([]byte, 65_521)
	source := rand.NewChaCha8(sha256.Sum256([]byte{byte(n), byte(n >> 8), byte(n >> 16)}))
	_, _ = source.Read(block) // never fails
	return bytes.Repeat(block, n/len(block)+1)[:n]
}

// create uploads body in pieces of an odd size.
func create(ctx context.Context, s Store, key string, body []byte) error {
	u, err := s.Create(ctx, key)
	if err != nil {
		return err
	}
	defer u.Abort()
	for rest := body; len(rest) > 0; {
		piece := rest[:min(len(rest), 65_537)]
		if _, err := u.Write(piece); err != nil {
			return err
		}
		rest = rest[len(piece):]
	}
	return u.Commit()
}

func mustCreate(t *testing.T, s Store, key string, body []byte) {
	t.Helper()
	if err := create(t.Context(), s, key, body); err != nil {
		t.Fatal(err)
	}
}

func mustSwap(t *testing.T, s Store, key string, body []byte, old store.Version) store.Version {
	t.Helper()
	version, err := s.Swap(t.Context(), key, body, old)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// wantBody reads a small object both ways and returns its version.
func wantBody(t *testing.T, s Store, key string, want []byte) store.Version {
	t.Helper()
	got, version, err := s.Read(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s holds %d bytes, want other %d", key, len(got), len(want))
	}
	if version == "" {
		t.Errorf("%s was read without a version", key)
	}
	opened, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	streamed, err := io.ReadAll(opened)
	if err = errors.Join(err, opened.Close()); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(streamed, want) {
		t.Errorf("%s streams %d bytes, want other %d", key, len(streamed), len(want))
	}
	return version
}

// wantNothing checks that a key holds nothing, whichever way it is read.
func wantNothing(t *testing.T, s Store, key string) {
	t.Helper()
	_, _, err := s.Read(t.Context(), key)
	wantError(t, "Read", err, store.ErrNotFound)
	opened, err := s.Open(t.Context(), key)
	if err == nil {
		_ = opened.Close()
	}
	wantError(t, "Open", err, store.ErrNotFound)
}

// wantError checks that err is a store's error and that its reason is want.
func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	var e *store.Error
	switch {
	case err == nil:
		t.Errorf("%s: no error, want %v", what, want)
	case !errors.As(err, &e):
		t.Errorf("%s: %v is a %T, want a *store.Error", what, err, err)
	case want != nil && !errors.Is(err, want):
		t.Errorf("%s: %v, want %v", what, err, want)
	case e.Name() != "Sink.Failed":
		t.Errorf("%s: it is called %s", what, e.Name())
	}
}
