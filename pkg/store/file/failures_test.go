package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// fullDisk is a file on a disk that takes so many bytes more.
type fullDisk struct {
	*os.File
	left int
	sync error
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if len(p) > d.left {
		n, _ := d.File.Write(p[:d.left])
		d.left = 0
		return n, &fs.PathError{Op: "write", Path: d.Name(), Err: syscall.ENOSPC}
	}
	d.left -= len(p)
	return d.File.Write(p)
}

func (d *fullDisk) Sync() error { return d.sync }

func TestAFullDiskIsNamedAndLeavesNothing(t *testing.T) {
	for _, test := range []struct {
		name string
		left int
		sync error
	}{
		{"at a write", 700, nil},
		{"when the file is forced to the disk", 1 << 20, &fs.PathError{Op: "sync", Path: "x", Err: syscall.EDQUOT}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := New(dir)
			if err != nil {
				t.Fatal(err)
			}
			made, err := s.Create(t.Context(), "part")
			if err != nil {
				t.Fatal(err)
			}
			u, ok := made.(*upload)
			if !ok {
				t.Fatalf("a %T", made)
			}
			under, ok := u.file.(*os.File)
			if !ok {
				t.Fatalf("a %T", u.file)
			}
			u.file = &fullDisk{File: under, left: test.left, sync: test.sync}
			for range 2 {
				_, err = u.Write(make([]byte, 500))
			}
			if err == nil {
				err = u.Commit()
			}
			if err == nil || !strings.Contains(err.Error(), "the disk is full") {
				t.Errorf("it ended with %v", err)
			}
			if again := u.Commit(); again == nil {
				t.Error("a commit after that succeeded")
			}
			u.Abort()
			if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
				t.Errorf("%v are left, %v", entries, err)
			}
		})
	}
}

func TestAFileSystemWithoutLinksReplacesNothingEither(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "part")
	for _, body := range []string{"first", "second"} {
		temp := filepath.Join(dir, body)
		if err := os.WriteFile(temp, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		err := renameNew(temp, path)
		if body == "second" && !errors.Is(err, fs.ErrExist) {
			t.Errorf("the second renaming returned %v", err)
		}
		if body == "first" && err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "first" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTheWaitForTheLockEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	var stores [2]*Store // as two processes have
	for i := range stores {
		var err error
		if stores[i], err = New(dir); err != nil {
			t.Fatal(err)
		}
	}
	unlock, err := stores[0].lock(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stores {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := s.lock(ctx)
			ended <- err
		}()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the wait ended with %v", err)
		}
	}
	unlock()
	for _, s := range stores {
		free, err := s.lock(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		free()
	}
}

func TestErrorsOfTheSystemSayWhatToDo(t *testing.T) {
	s, err := New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		op   string
		err  error
		want string
		is   error
	}{
		{"write", syscall.ENOSPC, "make room", nil},
		{"write", syscall.EROFS, "read-only", nil},
		{"write", syscall.EACCES, "this user has no permission", fs.ErrPermission},
		{"write", syscall.EFBIG, "too large for", nil},
		{"write", syscall.EEXIST, "changed meanwhile", store.ErrConflict},
		{"read", syscall.ENOENT, "no such object", store.ErrNotFound},
		{"read", syscall.ENOTDIR, "no such object", store.ErrNotFound},
	} {
		got := s.failed(t.Context(), test.op, "key", &fs.PathError{Op: "open", Path: "x", Err: test.err})
		if !strings.Contains(got.Error(), test.want) || !strings.Contains(got.Error(), s.URL("key")) {
			t.Errorf("%v: %v, want %q in it", test.err, got, test.want)
		}
		if test.is != nil && !errors.Is(got, test.is) {
			t.Errorf("%v: %v is not %v", test.err, got, test.is)
		}
	}
}
