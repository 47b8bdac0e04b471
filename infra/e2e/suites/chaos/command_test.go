package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/file"
)

const (
	// commandSeeds is how many seeds the built program meets, in real time.
	commandSeeds = 4
	// commandLimit is how long it may take until it is terminated, which is one more
	// thing that may happen to it.
	commandLimit = 30 * time.Second
)

// TestChaosOfTheCommand runs the built program against tenants served over TLS. Most of
// its time it waits, so all of them run at once.
func TestChaosOfTheCommand(t *testing.T) {
	t.Parallel()
	program := harness.Plain(t, "functions/rollcall")
	first := number(t, "CHAOS_FIRST", defaultFirst)
	all := &tally{counts: map[string]map[outcome]int{}}
	var group sync.WaitGroup
	for seed := first; seed < first+commandSeeds; seed++ {
		for name, run := range map[string]func(*command) outcome{
			"ndjson": (*command).ndjson, "json": (*command).json, "csv": (*command).csv, "table": (*command).table, "file": (*command).file, "snapshot": (*command).snapshot,
		} {
			c := newCommand(t, program, seed, name)
			group.Go(func() {
				all.add(name, run(c))
				c.explain()
			})
		}
	}
	group.Wait()
	all.print("chaos of the command", first, commandSeeds)
	if t.Failed() {
		t.Logf("repeat it: cd infra && CHAOS_FIRST=%d go test -count=1 ./e2e/suites/chaos -run TestChaosOfTheCommand", first)
	}
}

// command is a run of the built program against a tenant of its own.
type command struct {
	*trial
	what    string
	program string
	env     []string
	folder  string
	out     bytes.Buffer
	err     bytes.Buffer
}

func newCommand(t *testing.T, program string, seed int, name string) *command {
	t.Helper()
	what := fmt.Sprintf("seed %d, %s", seed, name)
	c := &command{trial: newTrial(t, seed, "command "+name, 50*time.Millisecond), what: what, program: program, folder: t.TempDir()}
	at := harness.Start(t, tenant.New(c.tenant.Config()).Start)
	c.tenant = at.Tenant
	c.env = append(at.Environ(), "HOME="+c.folder, "TMPDIR="+c.folder, "ROLLCALL_SELECT="+columns,
		fmt.Sprintf("ROLLCALL_PAGE_SIZE=%d", c.pageSize), "ROLLCALL_PARALLEL="+[]string{"1", "4", "auto"}[c.random.IntN(3)])
	return c
}

// run runs the program, and reports whether its status was 0.
func (c *command) run(args ...string) bool {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), commandLimit)
	defer cancel()
	program := process.NewCommand(ctx, c.program, args...)
	program.Env, program.Stdout, program.Stderr, program.Dir = c.env, &c.out, &c.err, c.folder
	program.Cancel = func() error { return program.Process.Signal(syscall.SIGTERM) }
	program.WaitDelay = 20 * time.Second
	err := program.Run()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) && !errors.Is(err, context.DeadlineExceeded) {
		c.Errorf("%s: %v", c.what, err)
	}
	return err == nil
}

// ended is the outcome of a program that failed.
func (c *command) ended() outcome {
	switch text := c.err.String(); {
	case strings.Contains(text, "terminated signal received"):
		return outcome{false, "terminated"}
	case strings.Contains(text, "the list is not complete"):
		return outcome{false, "not complete"}
	}
	return outcome{false, "another error"}
}

// completed checks the list that was printed.
func (c *command) completed(ids []string, verified bool) outcome {
	c.Helper()
	c.check(c.what, ids)
	if verified == c.tenant.Config().B2C {
		c.Errorf("%s: verified is %v", c.what, verified)
	}
	return outcome{true, fmt.Sprintf("verified %v", verified)}
}

// unmarked checks that what was printed of a list that failed does not call it complete.
func (c *command) unmarked(marks ...string) outcome {
	c.Helper()
	for _, mark := range append(marks, "users, complete") {
		if strings.Contains(c.out.String(), mark) || strings.Contains(c.err.String(), "users, complete") {
			c.Errorf("%s: a list that failed is marked as complete: %.300s %s", c.what, &c.out, &c.err)
		}
	}
	return c.ended()
}

func (c *command) ndjson() outcome {
	if !c.run("list", "--format", "ndjson") {
		return c.unmarked(completeMark)
	}
	ids, last := lines(c, c.out.String())
	if !last.Complete || last.Count != len(ids) {
		c.Errorf("%s: status 0, and the closing record is %+v", c.what, last)
	}
	return c.completed(ids, last.Verified)
}

func (c *command) json() outcome {
	if !c.run("list", "--format", "json") {
		if json.Valid(c.out.Bytes()) {
			c.Errorf("%s: a list that failed is closed: %.300s", c.what, &c.out)
		}
		return c.unmarked(completeMark)
	}
	var body struct {
		closing
		Value []struct{ ID string }
	}
	decode(c, c.out.String(), &body)
	var ids []string
	for _, user := range body.Value {
		ids = append(ids, user.ID)
	}
	if !body.Complete || body.Count != len(ids) {
		c.Errorf("%s: status 0, and the closing record is %+v", c.what, body.closing)
	}
	return c.completed(ids, body.Verified)
}

func (c *command) csv() outcome {
	if !c.run("list", "--format", "csv") {
		if c.out.Len() > 0 {
			c.Errorf("%s: a list that failed is printed: %.300s", c.what, &c.out)
		}
		return c.unmarked()
	}
	return c.completed(rows(c, c.out.Bytes()), strings.Contains(c.err.String(), "(verified against"))
}

// table shows the ids alone.
func (c *command) table() outcome {
	c.env = append(c.env, "ROLLCALL_SELECT=id")
	if !c.run("list", "--format", "table", "--rows", "0") {
		return c.unmarked()
	}
	all := strings.Split(strings.TrimSpace(c.out.String()), "\n")
	var ids []string
	for _, line := range all[1:] {
		if id := strings.TrimSpace(line); len(id) == 36 {
			ids = append(ids, id)
		}
	}
	closing := all[len(all)-1]
	if !strings.HasPrefix(closing, fmt.Sprintf("%d users, complete (", len(ids))) {
		c.Errorf("%s: status 0, and the last line is %s", c.what, closing)
	}
	return c.completed(ids, strings.Contains(closing, "(verified against"))
}

// file replaces a file, and leaves it as it is if the list fails.
func (c *command) file() outcome {
	name, before := filepath.Join(c.folder, "users.json"), `{"value":[]}`
	if err := os.WriteFile(name, []byte(before), 0o600); err != nil {
		c.Errorf("%v", err)
	}
	done := c.run("list", "--output", name)
	body, err := os.ReadFile(name)
	if err != nil {
		c.Errorf("%v", err)
	}
	if !done {
		if found, _ := filepath.Glob(filepath.Join(c.folder, "users*")); string(body) != before || len(found) != 1 {
			c.Errorf("%s: a list that failed leaves %s: %.300s", c.what, found, body)
		}
		return c.unmarked()
	}
	c.out.Write(body)
	var list struct {
		closing
		Value []struct{ ID string }
	}
	decode(c, string(body), &list)
	var ids []string
	for _, user := range list.Value {
		ids = append(ids, user.ID)
	}
	return c.completed(ids, list.Verified)
}

// folder is a store in files.
type folder struct {
	*file.Store
	dir string
}

// Keys returns the keys of the objects.
func (f folder) Keys() (keys []string) {
	_ = filepath.WalkDir(f.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			key, _ := filepath.Rel(f.dir, path)
			keys = append(keys, filepath.ToSlash(key))
		}
		return nil
	})
	return keys
}

// snapshot publishes over a good list, to files in all formats.
func (c *command) snapshot() outcome {
	var sinks []string
	p := c.publish(1, func(name string) objects {
		dir := filepath.Join(c.folder, name)
		at, err := file.New(dir)
		if err != nil {
			c.Errorf("%v", err)
		}
		return folder{at, dir}
	})
	for _, d := range p.stores {
		sinks = append(sinks, fmt.Sprintf("file://%s?format=%s&compression=%s", filepath.Join(c.folder, d.format), d.format, d.compression))
	}
	c.env = append(c.env, "ROLLCALL_SINKS="+strings.Join(sinks, " "), "ROLLCALL_STATE=file://"+filepath.Join(c.folder, "state"),
		"ROLLCALL_MAX_LEAVERS=100%", "ROLLCALL_MAX_COLUMN_LOSS=100%")
	if !c.run("snapshot", "--run", newRun) {
		mayBeDone := strings.Contains(c.err.String(), "is complete, but publishing it was not finished")
		p.judge(nil, errors.New("the command failed"), mayBeDone)
		if strings.TrimSpace(c.out.String()) != "" {
			c.Errorf("%s: a run that failed has the result %s", c.what, &c.out)
		}
		return c.ended()
	}
	var result snapshot.Result
	decode(c, c.out.String(), &result)
	return p.judge(&result, nil, false)
}
