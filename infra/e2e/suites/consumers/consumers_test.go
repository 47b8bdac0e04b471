package consumers_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/moto"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// tools are the programs of a test: the publisher and the two consumers.
type tools struct {
	rollcall, golang, python, script string
	env                              []string
}

func build(t *testing.T) *tools {
	t.Helper()
	return &tools{
		rollcall: harness.Plain(t, "functions/rollcall"),
		golang:   harness.Plain(t, "docs/examples/go"),
		python:   harness.Installed(t, ".venv", "bin", "python"), // with boto3
		script:   harness.Path(t, "docs", "examples", "python", "load.py"),
		env:      process.CleanEnviron(),
	}
}

// run runs a program and returns all that it prints.
func (at *tools) run(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	command := process.NewCommand(t.Context(), name, args...)
	command.Env = at.env
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	err := command.Run()
	return out.String(), err
}

func (at *tools) publish(t *testing.T, args ...string) {
	t.Helper()
	if out, err := at.run(t, at.rollcall, append([]string{"snapshot"}, args...)...); err != nil {
		t.Fatalf("rollcall snapshot %v: %v\n%s", args, err, out)
	}
}

// loads has both consumers load, and returns what they print.
func (at *tools) loads(t *testing.T, latest, database string) (byGo, byPython string, failed [2]error) {
	t.Helper()
	byGo, failed[0] = at.run(t, at.golang, latest)
	byPython, failed[1] = at.run(t, at.python, at.script, latest, database)
	return byGo, byPython, failed
}

// counts returns the users and the different ids of a database that the Python
// example has made.
func (at *tools) counts(t *testing.T, database string) string {
	t.Helper()
	const query = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('SELECT count(*), count(DISTINCT id) FROM users').fetchone())"
	out, err := at.run(t, at.python, "-c", query, database)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return strings.TrimSpace(out)
}

// wantLoaded has both consumers load n users.
func (at *tools) wantLoaded(t *testing.T, latest string, n int) {
	t.Helper()
	database := filepath.Join(t.TempDir(), "users.db")
	byGo, byPython, failed := at.loads(t, latest, database)
	want := regexp.MustCompile(fmt.Sprintf(`(?m)^%d users of run \S+, started `, n))
	if failed[0] != nil || !want.MatchString(byGo) || !strings.Contains(byGo, "@contoso") {
		t.Errorf("Go: %v\n%s", failed[0], byGo)
	}
	if failed[1] != nil || !want.MatchString(byPython) {
		t.Errorf("Python: %v\n%s", failed[1], byPython)
	}
	if got := at.counts(t, database); got != fmt.Sprintf("%d %[1]d", n) {
		t.Errorf("Python: the table has %s users and ids, want %d", got, n)
	}
}

// latestOf is the file that names the latest run of a folder.
func latestOf(t *testing.T, folder string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(folder, "latest", "tenant=*.json"))
	if err != nil || len(found) != 1 {
		t.Fatalf("latest in %s: %v, %v", folder, found, err)
	}
	return found[0]
}

func TestConsumersLoadExactlyWhatWasPublished(t *testing.T) {
	at := build(t)
	for name, options := range map[string]string{"gzip": "", "plain, in parts": "?compression=none&part-size=1MiB"} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			at.publish(t, "--demo", "--demo-users", "6000", "--sink", folder+options)
			at.wantLoaded(t, latestOf(t, folder), 6000)
			at.publish(t, "--demo", "--demo-users", "6007", "--sink", folder+options)
			at.wantLoaded(t, latestOf(t, folder), 6007)
			copied := filepath.Join(t.TempDir(), "copy")
			if err := os.CopyFS(copied, os.DirFS(folder)); err != nil {
				t.Fatal(err)
			}
			at.wantLoaded(t, "file://"+latestOf(t, copied), 6007)
		})
	}
}

func TestConsumersLoadFromABucket(t *testing.T) {
	at := build(t)
	server := harness.Start(t, moto.Start)
	if err := cloud.CreateBucket(t.Context(), server.Config(), "directory"); err != nil {
		t.Fatal(err)
	}
	directory := harness.Start(t, tenant.New(simulator.Config{Users: 2500}).Start)
	at.env = slices.Concat(at.env, directory.Environ(), server.Environ())
	at.publish(t, "--sink", "s3://directory/people")
	at.wantLoaded(t, "s3://directory/people/latest/tenant="+directory.TenantID+".json", 2500)
}
