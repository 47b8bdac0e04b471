package file

import (
	"context"
	"os"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Folders returns the names of the folders directly below a key, in the order of their
// bytes: at most so many, the last ones.
func (s *Store) Folders(ctx context.Context, key string, most int) ([]string, error) {
	path, err := s.path(key)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return nil, s.failed(ctx, "list", key, err)
	}
	entries, err := os.ReadDir(path)
	if err != nil && !missing(err) {
		return nil, s.failed(ctx, "list", key, err)
	}
	names := store.NewLast(most)
	for _, entry := range entries {
		if entry.IsDir() && !strings.HasPrefix(entry.Name(), ".") {
			names.Add(entry.Name())
		}
	}
	return names.All(), nil
}
