package store_test

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

func TestPrefix(t *testing.T) {
	for _, test := range []struct{ path, want string }{
		{"", ""},
		{"/", ""},
		{"people", "people/"},
		{"/exports/people/", "exports/people/"},
		{"team a/ü", "team a/ü/"},
	} {
		if got, err := store.Prefix(test.path); err != nil || got != test.want {
			t.Errorf("Prefix(%q) = %q, %v, want %q", test.path, got, err, test.want)
		}
	}
	for _, path := range []string{"a//b", "a/../b", ".", "a?b", "a#b", "a%b", "a\nb", `a\b`} {
		if got, err := store.Prefix(path); err == nil {
			t.Errorf("Prefix(%q) = %q, want an error", path, got)
		}
	}
}

func TestAnErrorSaysWhatWhereWhyAndWhatNext(t *testing.T) {
	for _, test := range []struct {
		err  *store.Error
		want string
	}{
		{&store.Error{Op: "read", URL: "s3://b/k", Err: store.ErrNotFound}, "read s3://b/k: there is no such object"},
		{
			&store.Error{Op: "write", URL: "s3://b/k", Problem: "the disk is full", Advice: "make room", Err: syscall.ENOSPC},
			"write s3://b/k: the disk is full: make room",
		},
	} {
		if got := test.err.Error(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
		if !errors.Is(fmt.Errorf("publish: %w", test.err), test.err.Err) || test.err.Name() != "Sink.Failed" {
			t.Errorf("%v hides its reason or its name", test.err)
		}
	}
}

func TestAContextWithGraceEndsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		longer, end := store.WithGrace(ctx, 5*time.Second)
		defer end()
		start := time.Now()
		<-longer.Done()
		if lived := time.Since(start); lived != 6*time.Second {
			t.Errorf("it lived %s, want 6s", lived)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		longer, end := store.WithGrace(t.Context(), time.Hour)
		end()
		if longer.Err() == nil {
			t.Error("its cancel function does not end it")
		}
	})
}
