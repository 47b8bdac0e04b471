package file_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// files returns the names of everything below dir that is not a folder.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found = append(found, entry.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestOnlyTheOwnerMayReadWhatIsWritten(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // no such bits; a folder's rights are inherited
	}
	dir := filepath.Join(t.TempDir(), "made", "here")
	s := folder(t, dir)
	write(t, s, "runs/run=1/part", "people").commit(t)
	if _, err := s.Swap(t.Context(), "latest/tenant=a.json", []byte("{}"), ""); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has %s", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNothingButObjectsStaysBehind(t *testing.T) {
	dir := t.TempDir()
	s := folder(t, dir)
	write(t, s, "kept", "x").commit(t)
	write(t, s, "dropped", "x").upload.Abort()
	if err := write(t, s, "kept", "y").upload.Commit(); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("the second commit returned %v", err)
	}
	if _, err := s.Swap(t.Context(), "kept", []byte("y"), "another version"); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("the swap returned %v", err)
	}
	for _, name := range files(t, dir) {
		if name != "kept" && name != ".rollcall.lock" {
			t.Errorf("%s is left", name)
		}
	}
}

func TestWhatAKillLeftIsRemovedADayLater(t *testing.T) {
	dir := t.TempDir()
	yesterday := time.Now().Add(-25 * time.Hour)
	for name, written := range map[string]time.Time{
		".rollcall-1.tmp": yesterday,
		".rollcall-2.tmp": time.Now(),
		"somebodys.tmp":   yesterday,
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, written, written); err != nil {
			t.Fatal(err)
		}
	}
	write(t, folder(t, dir), "part", "x").commit(t)
	left := strings.Join(files(t, dir), " ")
	if strings.Contains(left, ".rollcall-1") || !strings.Contains(left, ".rollcall-2") || !strings.Contains(left, "somebodys") {
		t.Errorf("%s are left", left)
	}
}

func TestTheLockIsNoObject(t *testing.T) {
	s := folder(t, t.TempDir())
	for _, key := range []string{".rollcall.lock", "runs/.rollcall-1.tmp"} {
		if _, err := s.Swap(t.Context(), key, nil, ""); err == nil {
			t.Errorf("%s was written", key)
		}
	}
}

func TestAFolderThatCannotBeMadeSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "taken"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := folder(t, filepath.Join(dir, "taken")).Swap(t.Context(), "latest", nil, "")
	if err == nil || !strings.Contains(err.Error(), "choose another folder") {
		t.Errorf("a file for a folder: %v", err)
	}
}

func TestAnObjectTooLargeToReadAtOnceIsStreamed(t *testing.T) {
	dir := t.TempDir()
	s := folder(t, dir)
	write(t, s, "large", "x").commit(t)
	if err := os.Truncate(filepath.Join(dir, "large"), store.MaxRead+1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Read(t.Context(), "large"); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("Read returned %v", err)
	}
	opened, err := s.Open(t.Context(), "large")
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestAFileThatShrinksUnderItsReaderIsAnError(t *testing.T) {
	dir := t.TempDir()
	s := folder(t, dir)
	write(t, s, "part", strings.Repeat("x", 1000)).commit(t)
	opened, err := s.Open(t.Context(), "part")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = opened.Close() }()
	if err := os.Truncate(filepath.Join(dir, "part"), 500); err != nil {
		t.Fatal(err)
	}
	var e *store.Error
	buffer := make([]byte, 2000)
	for {
		if _, err = opened.Read(buffer); err != nil {
			break
		}
	}
	if !errors.As(err, &e) {
		t.Errorf("it ended with %v", err)
	}
}
