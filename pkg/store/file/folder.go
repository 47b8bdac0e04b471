package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Temporary files are hidden, so that no listing of a folder shows them as objects.
// A killed process leaves one behind; the next write to the same folder removes it if
// it was last written to more than staleAfter ago.
const (
	ownName       = ".rollcall"
	temporaryName = ownName + "-*.tmp"
	staleAfter    = 24 * time.Hour
)

// temporary makes a file in the folder of path, and the folder if it is missing.
func (s *Store) temporary(path string) (*os.File, error) {
	dir := filepath.Dir(path)
	if err := makeDir(dir); err != nil {
		return nil, err
	}
	if _, done := s.swept.LoadOrStore(dir, true); !done {
		sweep(dir, time.Now().Add(-staleAfter))
	}
	return os.CreateTemp(dir, temporaryName)
}

// sweep removes the temporary files of dir that were last written before then.
// What cannot be removed stays: it does no harm.
func sweep(dir string, then time.Time) {
	found, err := fs.Glob(os.DirFS(dir), temporaryName)
	if err != nil {
		return
	}
	for _, name := range found {
		path := filepath.Join(dir, name)
		if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() && info.ModTime().Before(then) {
			_ = os.Remove(path)
		}
	}
}

// makeDir makes a folder and those above it, each synced to the disk: a synced file
// is lost with a folder that was not synced.
func makeDir(dir string) error {
	switch info, err := os.Stat(dir); {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return &fs.PathError{Op: "mkdir", Path: dir, Err: errors.New("a file has this name: choose another folder")}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	parent := filepath.Dir(dir)
	if parent == dir {
		return &fs.PathError{Op: "mkdir", Path: dir, Err: fs.ErrNotExist}
	}
	if err := makeDir(parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(parent)
}
