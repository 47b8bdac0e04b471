//go:build unix

package file

import (
	"errors"
	"os"
	"syscall"
)

// full reports whether err says that the disk, or the user's share of it, is full.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// replace renames a file over another.
func replace(from, to string) error { return os.Rename(from, to) }

// syncDir syncs the names in a folder to the disk.
func syncDir(dir string) error {
	opened, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = opened.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil // a file system that journals names
	}
	return errors.Join(err, opened.Close())
}
