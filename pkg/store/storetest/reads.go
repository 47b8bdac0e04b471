package storetest

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

func missingObject(t *testing.T, s Store) {
	wantNothing(t, s, "runs/missing")
	mustCreate(t, s, "runs/there", []byte("x"))
	wantNothing(t, s, "runs/missing")
	wantNothing(t, s, "runs")
	wantNothing(t, s, "runs/there/below")
	if err := s.Delete(t.Context(), "runs/missing"); err != nil {
		t.Errorf("deleting a missing object: %v", err)
	}
}

func deletedObject(t *testing.T, s Store) {
	mustCreate(t, s, "gone", []byte("x"))
	mustCreate(t, s, "gone-not", []byte("y"))
	if err := s.Delete(t.Context(), "gone"); err != nil {
		t.Fatal(err)
	}
	wantNothing(t, s, "gone")
	wantBody(t, s, "gone-not", []byte("y"))
	mustCreate(t, s, "gone", []byte("z"))
	wantBody(t, s, "gone", []byte("z"))
}

func cancelledStream(t *testing.T, s Store) {
	mustCreate(t, s, "long", content(large))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	opened, err := s.Open(ctx, "long")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = opened.Close() }()
	if _, err := io.ReadFull(opened, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	_, err = io.Copy(io.Discard, opened)
	wantError(t, "a stream after the end of its context", err, context.Canceled)
}

func oddKeys(t *testing.T, s Store) {
	keys := []string{
		"runs/tenant=11111111-2222-3333-4444-555555555555/run=2026-11-22T01.02.03Z/part-0-1-abc_DEF.ndjson.gz",
		"history/tenant=a/date=2026-11-22/symlink.txt",
		".hidden", "a=b", "...",
	}
	for _, key := range keys {
		mustCreate(t, s, key, []byte(key))
	}
	for _, key := range keys {
		wantBody(t, s, key, []byte(key))
	}
}

func badKeys(t *testing.T, s Store) {
	for _, key := range []string{"", "/", "/a", "a/", "a//b", "..", "../a", "a/../b", "a/./b", "a b", "a?b", "a#b", "a%2Fb", `a\b`, "a\nb", "ä", "a:b", "a*"} {
		_, err := s.Create(t.Context(), key)
		wantError(t, "Create "+key, err, nil)
		_, _, err = s.Read(t.Context(), key)
		wantError(t, "Read "+key, err, nil)
		_, err = s.Open(t.Context(), key)
		wantError(t, "Open "+key, err, nil)
		_, err = s.Swap(t.Context(), key, []byte("x"), "")
		wantError(t, "Swap "+key, err, nil)
		wantError(t, "Delete "+key, s.Delete(t.Context(), key), nil)
	}
}

func stableURL(t *testing.T, s Store) {
	before := s.URL("runs/run=1/manifest.json")
	mustCreate(t, s, "runs/run=1/manifest.json", []byte("{}"))
	if after := s.URL("runs/run=1/manifest.json"); after != before {
		t.Errorf("the URL was %s and is %s", before, after)
	}
	if !strings.HasSuffix(before, "/runs/run=1/manifest.json") || !strings.Contains(before, "://") {
		t.Errorf("%s does not name the key", before)
	}
	if s.URL("a") == s.URL("b") {
		t.Error("two keys have one URL")
	}
	_, _, err := s.Read(t.Context(), "nowhere")
	wantError(t, "Read", err, store.ErrNotFound)
	if err == nil || !strings.Contains(err.Error(), s.URL("nowhere")) {
		t.Errorf("%v does not name %s", err, s.URL("nowhere"))
	}
}
