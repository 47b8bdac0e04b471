package main

import (
	"context"
	"errors"
	"io"

	"github.com/alecthomas/kong"
)

// Exit statuses. They are part of the contract with scripts.
const (
	complete    = 0 // what was asked for was done, and a list is whole
	failed      = 1
	wrongUsage  = 2 // of the command line or of the configuration
	programName = "rollcall"
)

// program is everything that rollcall would otherwise take from the process, so
// that tests can drive it.
type program struct {
	stdout, stderr io.Writer
	environ        []string
}

// commands is the command line. Kong reads it.
type commands struct {
	List       listCommand       `cmd:"" help:"List every user of the tenant, or fail."`
	Snapshot   snapshotCommand   `cmd:"" help:"Publish the whole list to folders, buckets and buses, or nothing."`
	Doctor     doctorCommand     `cmd:"" help:"Check configuration, credential, token, permissions and count; say what to fix."`
	Serve      serveCommand      `cmd:"" help:"Serve the users over HTTP on this machine, in Graph's own dialect."`
	Simulate   simulateCommand   `cmd:"" help:"Serve a simulated tenant on this machine."`
	Completion completionCommand `cmd:"" help:"Print a completion script for bash, zsh or fish."`
	Version    versionCommand    `cmd:"" help:"Print the version."`

	Verbose bool `short:"v" help:"Log more to stderr."`
}

// run parses the arguments (without the program's name), does what they ask for,
// and returns the exit status. What went wrong is on stderr.
func (p *program) run(ctx context.Context, args []string) int {
	if len(args) > 0 && args[0] == completeCommand {
		return p.complete(args[1:])
	}
	exited := false
	var c commands
	parser, err := p.parser(&c, func(int) { exited = true })
	if err != nil {
		return p.report(ctx, err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	selected, err := parser.Parse(args)
	switch {
	case exited: // --help was printed, and kong went on
		return complete
	case err != nil:
		return p.report(ctx, usageOf(err))
	}
	selected.BindTo(ctx, (*context.Context)(nil))
	return p.report(ctx, selected.Run(p, &c))
}

func (p *program) parser(c *commands, exit func(int)) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name(programName),
		kong.Description(description()),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100, NoAppDescFormat: true, NoExpandSubcommands: true}),
	)
}

// usageError is a command line that cannot be what was meant.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// Name returns the public name of what is wrong before any work is done.
func (e *usageError) Name() string { return "Config.Invalid" }

func usageOf(err error) error {
	text := err.Error()
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil {
		if command := parse.Context.Command(); command != "" {
			return &usageError{text + "; see " + programName + " " + parse.Context.Selected().Path() + " --help"}
		}
	}
	return &usageError{text + "; see " + programName + " --help"}
}
