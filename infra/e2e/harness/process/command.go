package process

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"path/filepath"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
)

// Command is a program that a test runs. What it prints is also recorded, to be searched
// for credentials after a whole run of all suites, and so are the credentials in its environment.
type Command struct {
	*exec.Cmd
	// PrintsSecrets says that it is asked for a secret, so that what it prints is not recorded.
	PrintsSecrets bool

	records []io.Closer
}

// NewCommand makes a command that ends with ctx.
func NewCommand(ctx context.Context, program string, args ...string) *Command {
	return &Command{Cmd: exec.CommandContext(ctx, program, args...)}
}

// Start starts the program.
func (c *Command) Start() error {
	leak.Environ(c.Env)
	switch name := filepath.Base(c.Path); {
	case !leak.Active(), c.PrintsSecrets:
	case same(c.Stdout, c.Stderr):
		c.Stdout = c.record(name+".output", c.Stdout)
		c.Stderr = c.Stdout
	default:
		c.Stdout, c.Stderr = c.record(name+".stdout", c.Stdout), c.record(name+".stderr", c.Stderr)
	}
	return c.Cmd.Start()
}

// record is a writer that writes to a record too.
func (c *Command) record(name string, to io.Writer) io.Writer {
	record := leak.Output(name)
	c.records = append(c.records, record)
	if to == nil {
		return record
	}
	return io.MultiWriter(to, record)
}

// same reports whether two writers are one, for which a process gets one pipe. Writers that
// cannot be compared are not.
func same(a, b io.Writer) bool {
	defer func() { _ = recover() }()
	return a == b
}

// Wait waits for the program to end.
func (c *Command) Wait() error {
	err := c.Cmd.Wait()
	for _, record := range c.records {
		_ = record.Close()
	}
	c.records = nil
	return err
}

// Run runs the program to its end.
func (c *Command) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the program and returns its standard output.
func (c *Command) Output() ([]byte, error) {
	var out, errs bytes.Buffer
	c.Stdout = &out
	if c.Stderr == nil {
		c.Stderr = &errs
	}
	err := c.Run()
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
		ended.Stderr = errs.Bytes()
	}
	return out.Bytes(), err
}

// CombinedOutput runs the program and returns its standard output and error.
func (c *Command) CombinedOutput() ([]byte, error) {
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return out.Bytes(), err
}
