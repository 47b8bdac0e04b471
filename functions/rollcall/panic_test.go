package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// panickyWriter panics at the second write, and only then.
type panickyWriter struct {
	bytes.Buffer
	writes int
}

func (w *panickyWriter) Write(p []byte) (int, error) {
	if w.writes++; w.writes == 2 {
		panic("kim@contoso.com")
	}
	return w.Buffer.Write(p)
}

func TestAPanicLeavesAClosingRecordAndTheStatusOfAFailure(t *testing.T) {
	for _, format := range []string{"ndjson", "json", "csv"} {
		var out panickyWriter
		status, stderr := drive(t, &out, nil, "list", "--demo", "--demo-users", "5000", "--format", format)
		if status != failed || !strings.Contains(stderr, "defect of the program") || !strings.Contains(stderr, "panic_test.go") || strings.Contains(stderr, "kim@") {
			t.Errorf("%s: status %d, %s", format, status, stderr)
		}
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		last := lines[len(lines)-1]
		if format == "ndjson" && !strings.Contains(last, `{"@rollcall.complete":false,"error":{"code":"Internal.Error"`) {
			t.Errorf("the last line is %.300s", last)
		}
		if format == "json" && strings.Contains(out.String(), "@rollcall.complete") {
			t.Errorf("the object is closed: %.300s", last)
		}
	}
}

// panickyOutput is a file whose writing panics.
type panickyOutput struct{ output }

func (panickyOutput) User([]byte) error { panic("kim@contoso.com") }

func TestAPanicLeavesNoPartialFile(t *testing.T) {
	folder := t.TempDir()
	out, err := newFileOutput(folder+"/users.csv", formatCSV)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}
	c := &listCommand{Format: formatCSV}
	c.Demo, c.DemoUsers = true, 5
	if _, err := c.write(t.Context(), p, panickyOutput{out}); err == nil || !strings.Contains(err.Error(), "defect of the program") {
		t.Error(err)
	}
	if files, _ := os.ReadDir(folder); len(files) > 0 {
		t.Errorf("%v is left", files)
	}
}
