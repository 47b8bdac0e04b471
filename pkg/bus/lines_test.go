package bus_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

// writes keeps what each write had.
type writes struct{ all [][]byte }

func (w *writes) Write(p []byte) (int, error) {
	w.all = append(w.all, bytes.Clone(p))
	return len(p), nil
}

func TestLinesAreWrittenWhole(t *testing.T) {
	var out writes
	lines := bus.NewLines(&out)
	for i := range 200 {
		size := 10 + i*97%2000
		if i == 100 {
			size = 1 << 20 // more than is buffered
		}
		e := bus.Event{ID: fmt.Sprint(i), Source: "s", Type: "t", Data: []byte(`{"x":"` + strings.Repeat("x", size) + `"}`)}
		if err := lines.Publish(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	for _, written := range out.all {
		if !bytes.HasPrefix(written, []byte(`{"specversion"`)) || !bytes.HasSuffix(written, []byte("}\n")) {
			t.Fatalf("a write of %d bytes begins or ends within a line", len(written))
		}
	}
	if err := lines.Flush(t.Context()); err != nil || bytes.Count(bytes.Join(out.all, nil), []byte("\n")) != 200 {
		t.Errorf("%v", err)
	}
	if err := lines.Publish(t.Context(), bus.Event{}); err == nil {
		t.Error("an event without an id is written")
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestLinesThatNobodyReadsAreAnError(t *testing.T) {
	lines := bus.NewLines(brokenWriter{})
	err := lines.Publish(t.Context(), bus.Event{ID: "1", Source: "s", Type: "t"})
	if err = errors.Join(err, lines.Flush(t.Context())); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}
