package file

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// full reports whether err says that the disk, or the user's share of it, is full.
func full(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL) ||
		errors.Is(err, windows.ERROR_DISK_QUOTA_EXCEEDED)
}

// replace renames a file over another. Windows refuses that while the other is being
// read, which is short for the small objects that are replaced.
func replace(from, to string) error {
	var err error
	for range 50 {
		err = os.Rename(from, to)
		if !errors.Is(err, windows.ERROR_ACCESS_DENIED) && !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

// syncDir does nothing: NTFS journals names, and Windows cannot sync a
// folder.
func syncDir(string) error { return nil }
