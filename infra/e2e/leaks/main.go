// Command leaks runs suites of infra/e2e by `go test`, and then searches everything that
// their programs and tests have written, and every error that was answered, for every
// credential that the run has made up. Where it finds one it names the output, the line
// and the kind, and not the credential, keeps the outputs, and ends with status 1.
//
//	go run ./e2e/leaks -count=1 -timeout 30m ./...
package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

func main() {
	if err := run(context.Background(), os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "leaks:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	folder, err := os.MkdirTemp("", "rollcall-e2e-")
	if err != nil {
		return err
	}
	if err := os.Setenv(leak.Variable, folder); err != nil {
		return err
	}
	if err := plant(ctx); err != nil {
		return err
	}
	tested := test(ctx, out, args)
	result, err := leak.Search(folder)
	for _, f := range result.Findings {
		_, _ = fmt.Fprintf(out, "a credential: %s:%d: %s\n", f.File, f.Line, f.Kind)
	}
	if err == nil && len(result.Findings) > 0 {
		err = fmt.Errorf("%d lines have credentials; the outputs are kept in %s", len(result.Findings), folder)
	}
	if err == nil {
		known := 0
		for _, n := range result.Kinds {
			known += n
		}
		_, _ = fmt.Fprintf(out, "leaks: none of %d credentials of %d kinds is in %d outputs (%.1f MB)\n", known-1, len(result.Kinds)-1, result.Files, float64(result.Bytes)/1e6)
		err = os.RemoveAll(folder)
	}
	return errors.Join(tested, err)
}

// plant has a program print a secret, in the way in which the suites run programs.
func plant(ctx context.Context) error {
	secret := rand.Text()
	leak.Name(leak.Planted, secret)
	return process.NewCommand(ctx, "printf", "%s\n", secret).Run()
}

// event is a line of `go test -json`.
type event struct{ Action, Package, ImportPath, Test, Output string }

// test runs the tests verbosely into a record, and prints what `go test` prints without
// being verbose: a line for each package, and of tests that failed what they have logged.
func test(ctx context.Context, out io.Writer, args []string) error {
	command := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...) //nolint:gosec // whoever runs this says what
	command.Stderr = os.Stderr
	printed, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	record := leak.Output("go-test")
	logs := map[string]*strings.Builder{} // by package and test
	for lines := bufio.NewReader(printed); ; {
		line, err := lines.ReadString('\n')
		var e event
		if json.Unmarshal([]byte(line), &e) == nil {
			_, _ = io.WriteString(record, e.Output)
			e.show(out, logs)
		} else if line != "" {
			_, _ = io.WriteString(record, line)
			_, _ = io.WriteString(out, line)
		}
		if err != nil {
			break
		}
	}
	return errors.Join(record.Close(), command.Wait())
}

func (e event) show(out io.Writer, logs map[string]*strings.Builder) {
	key := cmp.Or(e.Package, e.ImportPath) + " " + e.Test
	if logs[key] == nil {
		logs[key] = &strings.Builder{}
	}
	switch e.Action {
	case "output", "build-output":
		_, _ = logs[key].WriteString(e.Output)
		if e.Test == "" && (strings.HasPrefix(e.Output, "ok ") || strings.HasPrefix(e.Output, "FAIL\t") || e.Action == "build-output") {
			_, _ = io.WriteString(out, e.Output)
		}
	case "fail":
		if e.Test != "" || !strings.Contains(logs[key].String(), "FAIL\t") || strings.Contains(logs[key].String(), "panic") {
			_, _ = io.WriteString(out, logs[key].String())
		}
		delete(logs, key)
	case "pass", "skip":
		delete(logs, key)
	}
}
