package storetest

import (
	"context"
	"slices"
	"testing"
)

// Lister is a store that can say what it holds.
type Lister interface {
	Store
	Folders(ctx context.Context, key string, most int) ([]string, error)
}

// RunFolders tests that a store with nothing in it says what there is below a key.
func RunFolders(t *testing.T, s Lister) {
	t.Helper()
	for _, key := range []string{
		"runs/tenant=a/run=2/manifest.json", "runs/tenant=a/run=1/part-1", "runs/tenant=a/run=1/part-2", "runs/tenant=a/run=10/deep/er", "runs/tenant=a/object",
		"runs/tenant=ab/run=9/manifest.json", "other/tenant=a/run=8/manifest.json",
	} {
		if _, err := s.Swap(t.Context(), key, []byte("x"), ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		key  string
		most int
		want []string
	}{
		{"runs/tenant=a", 10, []string{"run=1", "run=10", "run=2"}},
		{"runs/tenant=a", 2, []string{"run=10", "run=2"}},
		{"runs", 10, []string{"tenant=a", "tenant=ab"}},
		{"runs/tenant=none", 10, nil},
		{"runs/tenant=a/object", 10, nil},
	} {
		if got, err := s.Folders(t.Context(), c.key, c.most); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("below %s, %d at most: %q, %v; want %q", c.key, c.most, got, err, c.want)
		}
	}
	for _, key := range []string{"", "..", "runs/../runs", "runs/"} {
		if got, err := s.Folders(t.Context(), key, 10); err == nil {
			t.Errorf("below %q: %q", key, got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Folders(ctx, "runs", 10); err == nil {
		t.Error("a cancelled list is no error")
	}
}
