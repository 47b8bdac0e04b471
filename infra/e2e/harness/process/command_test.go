package process_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

// TestEveryProgramIsStartedWhereItsOutputIsRecorded looks for programs that are started by
// package os/exec alone, whose output nobody would search.
func TestEveryProgramIsStartedWhereItsOutputIsRecorded(t *testing.T) {
	root, read := harness.Path(t, "infra", "e2e"), 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		below, _ := filepath.Rel(root, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "node_modules" || entry.Name() == ".venv"):
			return fs.SkipDir
		case !strings.HasSuffix(path, ".go"), strings.HasPrefix(below, filepath.Join("harness", "process")), strings.HasPrefix(below, "leaks"):
			return nil
		}
		text, err := os.ReadFile(path) //nolint:gosec // of this repository
		for _, start := range []string{"exec.Command", "os.StartProcess", "exec.Cmd{"} {
			if strings.Contains(string(text), start) {
				t.Errorf("%s starts a program by %s: process.NewCommand records what it prints", below, start)
			}
		}
		read++
		return err
	})
	if err != nil || read < 100 {
		t.Errorf("%d files were read, %v", read, err)
	}
}

func TestWhatAProgramPrintsIsReturnedAndRecorded(t *testing.T) {
	folder := t.TempDir()
	t.Setenv(leak.Variable, folder)
	const script = "echo out; echo err >&2"
	if out, err := process.NewCommand(t.Context(), "sh", "-c", script).Output(); err != nil || string(out) != "out\n" {
		t.Errorf("it printed %q, %v", out, err)
	}
	if out, err := process.NewCommand(t.Context(), "sh", "-c", script).CombinedOutput(); err != nil || string(out) != "out\nerr\n" {
		t.Errorf("it printed %q, %v", out, err)
	}
	asked := process.NewCommand(t.Context(), "sh", "-c", script)
	asked.PrintsSecrets = true
	if out, err := asked.Output(); err != nil || string(out) != "out\n" {
		t.Errorf("it printed %q, %v", out, err)
	}
	files, err := filepath.Glob(filepath.Join(folder, "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	recorded := map[string]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		recorded[string(text)]++
	}
	if recorded["out\n"] != 1 || recorded["err\n"] != 1 || recorded["out\nerr\n"] != 1 || len(files) != 3 {
		t.Errorf("recorded are %v", recorded)
	}
}
