package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// large is more than two parts of the smallest size that S3 allows, and odd.
const large = 12<<20 + 12_345

func invisibleBeforeCommit(t *testing.T, s Store) {
	u, err := s.Create(t.Context(), "runs/part-1")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Abort()
	body := content(large)
	for _, piece := range [][]byte{body[:1], body[1 : 11<<20], body[11<<20:]} {
		if n, err := u.Write(piece); err != nil || n != len(piece) {
			t.Fatalf("%d of %d bytes written: %v", n, len(piece), err)
		}
		wantNothing(t, s, "runs/part-1")
	}
	if err := u.Commit(); err != nil {
		t.Fatal(err)
	}
	wantBody(t, s, "runs/part-1", body)
}

func emptyObject(t *testing.T, s Store) {
	mustCreate(t, s, "empty", nil)
	wantBody(t, s, "empty", nil)
	mustSwap(t, s, "empty-state", nil, "")
	wantBody(t, s, "empty-state", nil)
}

func largeObject(t *testing.T, s Store) {
	for _, size := range []int{5 << 20, 10 << 20, large} {
		key := "large/" + string(rune('a'+size>>20))
		body := content(size)
		mustCreate(t, s, key, body)
		opened, err := s.Open(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.New()
		n, err := io.Copy(sum, opened)
		if err = errors.Join(err, opened.Close()); err != nil {
			t.Fatal(err)
		}
		if want := sha256.Sum256(body); n != int64(size) || !bytes.Equal(sum.Sum(nil), want[:]) {
			t.Errorf("%d bytes of %d came back, or other ones", n, size)
		}
	}
}

func createOnly(t *testing.T, s Store) {
	mustCreate(t, s, "made", []byte("first"))
	wantError(t, "a small second upload", create(t.Context(), s, "made", []byte("second")), store.ErrConflict)
	wantError(t, "a large second upload", create(t.Context(), s, "made", content(large)), store.ErrConflict)
	wantBody(t, s, "made", []byte("first"))

	mustSwap(t, s, "swapped", []byte("first"), "")
	wantError(t, "an upload over a swapped object", create(t.Context(), s, "swapped", []byte("second")), store.ErrConflict)
	wantBody(t, s, "swapped", []byte("first"))
}

func twoUploads(t *testing.T, s Store) {
	for _, size := range []int{100, large} {
		key := "twice/" + string(rune('a'+size>>20))
		body := content(size)
		var uploads [2]store.Upload
		for i := range uploads {
			u, err := s.Create(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			defer u.Abort()
			if _, err := u.Write(body); err != nil {
				t.Fatal(err)
			}
			uploads[i] = u
		}
		if err := uploads[1].Commit(); err != nil {
			t.Fatal(err)
		}
		wantError(t, "the other's commit", uploads[0].Commit(), store.ErrConflict)
		wantBody(t, s, key, body)
	}
}

func abortLeavesNothing(t *testing.T, s Store) {
	for _, size := range []int{0, 1000, large} {
		u, err := s.Create(t.Context(), "aborted")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Write(content(size)); err != nil {
			t.Fatal(err)
		}
		u.Abort()
		u.Abort()
		wantError(t, "a commit after the abort", u.Commit(), nil)
		wantNothing(t, s, "aborted")
	}
}

func abortAfterCommit(t *testing.T, s Store) {
	for _, size := range []int{10, large} {
		key := "kept/" + string(rune('a'+size>>20))
		u, err := s.Create(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Write(content(size)); err != nil {
			t.Fatal(err)
		}
		if err := u.Commit(); err != nil {
			t.Fatal(err)
		}
		u.Abort()
		wantBody(t, s, key, content(size))
	}
}

func endedUpload(t *testing.T, s Store) {
	u, err := s.Create(t.Context(), "ended")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Write([]byte("whole")); err != nil {
		t.Fatal(err)
	}
	if err := u.Commit(); err != nil {
		t.Fatal(err)
	}
	_, err = u.Write([]byte("more"))
	wantError(t, "a write after the commit", err, store.ErrEnded)
	wantError(t, "a second commit", u.Commit(), store.ErrEnded)
	wantBody(t, s, "ended", []byte("whole"))
}

func cancelledUpload(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	u, err := s.Create(ctx, "cancelled")
	if err != nil {
		t.Fatal(err)
	}
	defer u.Abort()
	body := content(large)
	if _, err := u.Write(body[:7<<20]); err != nil {
		t.Fatal(err)
	}
	cancel()
	// A store may accept what fits into its buffers before it notices.
	for range 10 {
		if _, err = u.Write(body); err != nil {
			break
		}
	}
	wantError(t, "a write after the end of the context", err, context.Canceled)
	wantError(t, "a commit after the end of the context", u.Commit(), nil)
	u.Abort()
	wantNothing(t, s, "cancelled")

	_, err = s.Create(ctx, "cancelled")
	if err == nil {
		err = create(ctx, s, "cancelled", []byte("x"))
	}
	wantError(t, "an upload after the end of the context", err, context.Canceled)
	wantNothing(t, s, "cancelled")
}

func cancelledCommit(t *testing.T, s Store) {
	for _, size := range []int{0, 1000, large} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		u, err := s.Create(ctx, "cancelled")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := u.Write(content(size)); err != nil {
			t.Fatal(err)
		}
		cancel()
		wantError(t, "a commit after the end of the context", u.Commit(), context.Canceled)
		u.Abort()
		wantNothing(t, s, "cancelled")
	}
}
