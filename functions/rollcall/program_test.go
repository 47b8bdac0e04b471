package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// drive runs the program in this process.
func drive(t *testing.T, stdout io.Writer, environ []string, args ...string) (status int, stderr string) {
	t.Helper()
	var log bytes.Buffer
	p := &program{stdout: stdout, stderr: &log, environ: environ}
	status = p.run(t.Context(), args)
	return status, log.String()
}

func TestTheProgramDoesNotReadTheProcessEnvironment(t *testing.T) {
	t.Setenv("ROLLCALL_SELECT", "nonsense")
	var out bytes.Buffer
	status, stderr := drive(t, &out, []string{"ROLLCALL_SELECT=id"}, "list", "--demo", "--demo-users", "2", "--format", "csv")
	if status != complete || !strings.HasPrefix(out.String(), "id\n") {
		t.Errorf("status %d, %q, %q", status, out.String(), stderr)
	}
}

func TestAFailedWriteToStdoutIsAFailure(t *testing.T) {
	for _, args := range [][]string{
		{"list", "--demo", "--demo-users", "5"},
		{"list", "--demo", "--demo-users", "5", "--format", "json"},
		{"list", "--demo", "--demo-users", "5", "--format", "csv"},
		{"list", "--demo", "--demo-users", "5", "--format", "csv=excel"},
		{"list", "--demo", "--demo-users", "5", "--format", "xlsx"},
		{"list", "--demo", "--demo-users", "5", "--format", "table"},
		{"list", "--demo", "--demo-users", "5000", "--format", "table", "--rows", "0"},
		{"list", "--demo", "--demo-users", "5000"},
		{"snapshot", "--demo", "--demo-users", "5", "--sink", t.TempDir()},
		{"doctor", "--demo"},
		{"version"},
		{"completion", "bash"},
	} {
		status, stderr := drive(t, brokenWriter{}, nil, args...)
		if status != failed || !strings.Contains(stderr, "the reader of stdout went away") {
			t.Errorf("%v: status %d, %q", args, status, stderr)
		}
	}
}

func TestAnInterruptedListIsNotComplete(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupt signal received"))
	var out, stderr bytes.Buffer
	p := &program{stdout: &out, stderr: &stderr}
	if status := p.run(ctx, []string{"list", "--demo"}); status != failed {
		t.Errorf("status %d", status)
	}
	want := `{"@rollcall.complete":false,"error":{"code":"Snapshot.Incomplete","message":"stopped before the list was complete: interrupt signal received"}}` + "\n"
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
	if !strings.Contains(stderr.String(), "stopped before the list was complete: interrupt signal received") {
		t.Errorf("%s", stderr.String())
	}
}

func TestStatusAndMessageFollowTheError(t *testing.T) {
	answer := &graph.Error{Status: 403, Code: "Authorization_RequestDenied", Message: "no,\x1b[2J Zoë", RequestID: "r-1"}
	for name, c := range map[string]struct {
		err    error
		status int
		want   []string
	}{
		"nothing":       {nil, complete, nil},
		"reported":      {errReported, failed, nil},
		"usage":         {&usageError{"wrong"}, wrongUsage, []string{"rollcall: wrong\n"}},
		"configuration": {&config.Error{Problems: []config.Problem{{Variable: "A", Text: "x"}, {Variable: "B", Text: "y"}}}, wrongUsage, []string{"\n  A: x", "\n  B: y"}},
		"no variables":  {&secret.Error{Kind: secret.Missing, Problem: "not set: AZURE_TENANT_ID", Source: "env:"}, wrongUsage, []string{"AZURE_TENANT_ID", "list --demo"}},
		"no secret":     {&secret.Error{Kind: secret.Missing, Problem: "gone", Source: "secretsmanager:x"}, failed, []string{"rollcall: gone"}},
		"graph":         {&tenantError{"client c in tenant t", fmt.Errorf("list users: %w", answer)}, failed, []string{"list users: Graph answered 403", "r-1", "\n  Graph says: no,␛[2J Zoë\n", "\n  As: client c in tenant t\n"}},
		"pipe":          {&writeError{"stdout", syscall.EPIPE}, failed, []string{"the reader of stdout went away"}},
		"disk":          {&writeError{"users.csv", syscall.ENOSPC}, failed, []string{"write to users.csv: no space left"}},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			p := &program{stderr: &stderr}
			if status := p.report(t.Context(), c.err); status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
			for _, want := range c.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("%q does not contain %q", stderr.String(), want)
				}
			}
			if c.want == nil && stderr.Len() > 0 {
				t.Errorf("%q", stderr.String())
			}
		})
	}
}

func TestTheDefaultFormatFollowsTheDestination(t *testing.T) {
	for _, c := range []struct {
		output   string
		terminal bool
		want     string
	}{
		{"", true, formatTable},
		{"", false, formatNDJSON},
		{"users.csv", true, formatCSV},
		{"users.XLSX", true, formatXLSX},
		{"dir.csv/users.JSON", false, formatJSON},
		{"users.ndjson", true, formatNDJSON},
		{"users", true, formatNDJSON},
		{"csv", true, formatNDJSON},
	} {
		if got, err := defaultFormat(c.output, c.terminal); got != c.want || err != nil {
			t.Errorf("--output %q, terminal %t: %s, %v, want %s", c.output, c.terminal, got, err, c.want)
		}
	}
}

func TestAnExtensionThatPromisesAnotherFormatIsRefused(t *testing.T) {
	for _, name := range []string{"users.xls", "users.ODS", "users.parquet", "users.ndjson.gz", "users.tsv"} {
		path := filepath.Join(t.TempDir(), name)
		status, stderr := drive(t, io.Discard, nil, "list", "--demo", "--demo-users", "2", "--output", path)
		if status != wrongUsage || !strings.Contains(stderr, "list writes no ."+strings.ToLower(filepath.Ext(name)[1:])) || !strings.Contains(stderr, "--format") {
			t.Errorf("%s: status %d, %s", name, status, stderr)
		}
		if status, stderr := drive(t, io.Discard, nil, "list", "--demo", "--demo-users", "2", "--output", path, "--format", "csv"); status != complete {
			t.Errorf("%s with --format: status %d, %s", name, status, stderr)
		}
	}
}

func TestAWorkbookLeavesNothingElsewhere(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	for _, args := range [][]string{{"--output", filepath.Join(t.TempDir(), "users.xlsx")}, {"--format", "xlsx"}, {"--format", "xlsx", "--demo-fault", "403"}} {
		_, stderr := drive(t, io.Discard, nil, append([]string{"list", "--demo", "--demo-users", "5"}, args...)...)
		if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) != 0 {
			t.Errorf("%v: %v is left (%v)\n%s", args, left, err, stderr)
		}
	}
}

func TestAListThatDoesNotFitASheetIsRefusedBeforeItIsRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users.xlsx")
	t.Setenv("TMPDIR", t.TempDir())
	// Whoever reads on to the third page fails otherwise.
	status, stderr := drive(t, io.Discard, nil, "list", "--demo", "--demo-users", "1048576", "--demo-fault", "403:3", "--parallel", "1", "--output", path, "--select", "id")
	if status != failed || !strings.Contains(stderr, "1048575 users") || !strings.Contains(stderr, "CSV or Parquet") {
		t.Errorf("status %d, %s", status, stderr)
	}
	for _, dir := range []string{filepath.Dir(path), os.Getenv("TMPDIR")} {
		if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
			t.Errorf("%v is left (%v)", left, err)
		}
	}
}

func TestTheSimulatedTenantIsServedOnLoopbackOnly(t *testing.T) {
	for addr, ok := range map[string]bool{
		"127.0.0.1:8443": true, "127.8.8.8:0": true, "[::1]:1": true, "localhost:1": true,
		"0.0.0.0:8443": false, ":8443": false, "[::]:1": false, "192.0.2.1:1": false, "localhost.example.com:1": false,
		"localhost": false, "": false,
	} {
		if err := requireLoopback(addr); (err == nil) != ok {
			t.Errorf("%q: %v", addr, err)
		}
	}
}

func TestSetenvReplacesVariables(t *testing.T) {
	got := setenv([]string{"A=1", "B=2", "C=3"}, map[string]string{"B": "new", "D": "4"})
	if want := "B=new D=4 A=1 C=3"; strings.Join(got, " ") != want {
		t.Errorf("%v, want %s", got, want)
	}
}

func TestShellQuotingPreservesAnyValue(t *testing.T) {
	for value, want := range map[string]string{
		"https://127.0.0.1:8443": "https://127.0.0.1:8443",
		"a~b":                    "'a~b'",
		"it's $HOME":             `'it'\''s $HOME'`,
		"":                       "''",
		"/home/jo e/x":           "'/home/jo e/x'",
	} {
		if got := shellQuoted(value); got != want {
			t.Errorf("%q is quoted as %s, want %s", value, got, want)
		}
	}
}

func TestADiscardedFileLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	f, err := createAtomic(filepath.Join(dir, "users.csv"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write([]byte("half")); err != nil {
		t.Fatal(err)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "users.csv.partial-*")); len(found) != 1 {
		t.Errorf("while it is written: %v", found)
	}
	f.discard()
	f.discard()
	if found, _ := filepath.Glob(filepath.Join(dir, "*")); len(found) != 0 {
		t.Errorf("left behind: %v", found)
	}
}

func TestTheVersionNamesTheRevision(t *testing.T) {
	text := versionText(&debug.BuildInfo{
		Main:     debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}},
	})
	if !strings.HasPrefix(text, "rollcall v1.2.3\ngo1") || !strings.HasSuffix(text, "\nrevision abc (modified)\n") {
		t.Errorf("%q", text)
	}
	if text := versionText(&debug.BuildInfo{}); !strings.HasPrefix(text, "rollcall development\n") {
		t.Errorf("%q", text)
	}
}
