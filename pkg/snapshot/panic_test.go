package snapshot_test

import (
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/file"
)

// panicky panics at a user, or when the object is closed.
type panicky struct {
	lines
	users int
}

func (p *panicky) User(raw []byte) error {
	if p.users--; p.users < 0 {
		panic("kim@contoso.com")
	}
	return p.lines.User(raw)
}

func (p *panicky) Close() error { panic("kim@contoso.com") }

func TestAPanicWhileAListIsWrittenLeavesNothingBehind(t *testing.T) {
	for name, users := range map[string]int{"at a user": 100, "at the end of an object": 1000} {
		f := newFixture(t, simulator.Config{Users: smallTenant, Latency: time.Microsecond})
		folder := t.TempDir()
		bucket, err := file.New(folder)
		if err != nil {
			t.Fatal(err)
		}
		f.bucket = bucket
		s := f.snapshot()
		s.Destinations[0].Encode = func(w io.Writer, _ []string) (snapshot.Encoder, error) {
			return &panicky{lines{w: w}, users}, nil
		}
		_, err = s.Run(t.Context(), snapshot.Input{Run: "new"})
		wantError(t, err, "Internal.Error")
		if strings.Contains(err.Error(), "kim") {
			t.Errorf("%s: %v", name, err)
		}
		_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, _ error) error {
			if !entry.IsDir() && !strings.HasSuffix(path, ".lock") {
				t.Errorf("%s: %s is left", name, path)
			}
			return nil
		})
		f.publish(t, "new") // the run can be asked for another time
	}
}
