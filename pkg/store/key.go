package store

import (
	"errors"
	"fmt"
	"strings"
)

// CheckKey refuses what is not a key: a relative path of names, separated by
// single slashes, of the characters A-Z a-z 0-9 . _ = - that every store and
// every table over it accepts unchanged.
func CheckKey(key string) error {
	for name := range strings.SplitSeq(key, "/") {
		if name == "" || name == "." || name == ".." {
			return fmt.Errorf("%q is not a key: it has an empty name or a dot for one", key)
		}
	}
	for _, r := range key {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._=-/", r) {
			return fmt.Errorf("%q is not a key: %q may not be in one", key, r)
		}
	}
	return nil
}

// CheckPrefix refuses a prefix like [Prefix]. Its error does not quote it.
func CheckPrefix(path string) error {
	if _, err := Prefix(path); err != nil {
		return errors.New("its prefix has an empty name, a dot for one, or a character that no key has")
	}
	return nil
}

// Prefix returns the prefix of every key of a store: path without slashes at its
// ends, and with one after it unless it is empty. It refuses what a URL, a table or a
// file system would read differently.
func Prefix(path string) (string, error) {
	path = strings.Trim(path, "/")
	if path == "" {
		return "", nil
	}
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." || name == ".." {
			return "", fmt.Errorf("the prefix %q has an empty name or a dot for one", path)
		}
	}
	for _, r := range path {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`\?#%"<>|*`, r) {
			return "", fmt.Errorf("the prefix %q holds %q", path, r)
		}
	}
	return path + "/", nil
}
