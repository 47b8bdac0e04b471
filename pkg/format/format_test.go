package format_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/format"
)

// writer is what the formats have in common.
type writer interface {
	User(raw []byte) error
	Users() int
	Complete(verified bool) error
}

// csvStream is CSV, which cannot say that it is verified.
type csvStream struct{ *format.CSV }

func (s csvStream) Complete(bool) error { return s.CSV.Complete() }

func sampleColumns() []string {
	return []string{"id", "displayName", "mail", "accountEnabled", "deviceEnrollmentLimit", "businessPhones", "passwordProfile", "manager"}
}

// formats makes each format, writing to w.
func formats(w io.Writer) map[string]writer {
	return map[string]writer{
		"ndjson": format.NewNDJSON(w),
		"json":   format.NewJSON(w),
		"csv":    csvStream{format.NewCSV(w, sampleColumns())},
	}
}

func sampleUsers(t testing.TB) [][]byte {
	t.Helper()
	input, err := os.ReadFile(filepath.Join("testdata", "users.input"))
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(input, []byte("\n")), []byte("\n"))
}

func TestEachFormatMatchesItsGoldenFile(t *testing.T) {
	for name := range formats(nil) {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			w := formats(&got)[name]
			for _, raw := range sampleUsers(t) {
				if err := w.User(raw); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Complete(true); err != nil {
				t.Fatal(err)
			}
			if w.Users() != 6 {
				t.Errorf("%d users, want 6", w.Users())
			}
			compareGolden(t, "users."+name, got.Bytes())
		})
	}
}

func TestAnEmptyListMatchesItsGoldenFile(t *testing.T) {
	for name := range formats(nil) {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			if err := formats(&got)[name].Complete(true); err != nil {
				t.Fatal(err)
			}
			compareGolden(t, "empty."+name, got.Bytes())
		})
	}
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if os.Getenv("UPDATE_GOLDEN") != "" { // rewrite it, then review the diff
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("differs from %s (-want +got):\n%s", path, diff)
	}
}

// brokenPipe accepts some bytes and then fails.
type brokenPipe struct{ left int }

func (b *brokenPipe) Write(p []byte) (int, error) {
	if len(p) > b.left {
		return b.left, io.ErrClosedPipe
	}
	b.left -= len(p)
	return len(p), nil
}

func TestEachFormatKeepsTheErrorOfItsWriter(t *testing.T) {
	for name := range formats(nil) {
		t.Run(name, func(t *testing.T) {
			w := formats(&brokenPipe{left: format.BufferSize + 1})[name]
			users := sampleUsers(t)
			for i := range 10_000 {
				if err := w.User(users[i%len(users)]); err != nil {
					if !errors.Is(err, io.ErrClosedPipe) {
						t.Fatalf("error %v, want that of the writer", err)
					}
					if err := w.Complete(true); !errors.Is(err, io.ErrClosedPipe) {
						t.Fatalf("Complete after it: %v, want the same error", err)
					}
					return
				}
			}
			t.Fatal("ten thousand users were written to a broken pipe")
		})
	}
}

func TestCompleteReportsErrorsOfBufferedWrites(t *testing.T) {
	for name := range formats(nil) {
		w := formats(&brokenPipe{})[name]
		if err := w.User(sampleUsers(t)[0]); err != nil {
			t.Errorf("%s: the first user did not fit the buffer: %v", name, err)
		}
		if err := w.Complete(true); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: Complete: %v, want the writer's error", name, err)
		}
	}
}
