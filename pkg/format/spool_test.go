package format_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/format"
)

func TestASpoolReturnsWhatWasWritten(t *testing.T) {
	s := newSpool(t, t.TempDir())
	want := bytes.Repeat([]byte("0123456789"), 100_000)
	for part := range bytes.SplitAfterSeq(want, []byte("9")) {
		if _, err := s.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	var got bytes.Buffer
	n, err := s.WriteTo(&got)
	if err != nil || n != int64(len(want)) || s.Size() != n {
		t.Fatalf("copied %d of %d: %v", n, s.Size(), err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Error("the copy differs")
	}
}

func TestASpoolLeavesNoFileBehind(t *testing.T) {
	dir := t.TempDir()
	s := newSpool(t, dir)
	if _, err := s.Write([]byte("Canary")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestAnOpenSpoolHasNoName(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps the name of an open file")
	}
	dir := t.TempDir()
	newSpool(t, dir)
	found, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(found) > 0 {
		t.Errorf("an open spool has a name: %v %v", found, err)
	}
}

func TestASpoolIsReadableByItsOwnerOnly(t *testing.T) {
	s := newSpool(t, t.TempDir())
	info, err := s.File().Stat()
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		t.Errorf("mode %v", mode)
	}
}

func TestTheErrorOfAMissingFolderNamesTMPDIR(t *testing.T) {
	_, err := format.NewSpool(filepath.Join(t.TempDir(), "absent"))
	if !errors.Is(err, os.ErrNotExist) || !bytes.Contains([]byte(err.Error()), []byte("TMPDIR")) {
		t.Errorf("error %v", err)
	}
}

func TestASpoolReportsAFailedWrite(t *testing.T) {
	s := newSpool(t, t.TempDir())
	if _, err := s.Write(make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.WriteTo(&brokenPipe{left: 10}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v, want the writer's", err)
	}
}

func newSpool(t *testing.T, dir string) *format.Spool {
	t.Helper()
	s, err := format.NewSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
