package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// errTold is a failure that the command has told in its own output.
var errTold = errors.New("told already")

// writeError is an output that no longer takes what is written.
type writeError struct {
	where string
	err   error
}

func (e *writeError) Error() string {
	if gone(e.err) {
		return "the reader of " + e.where + " went away before it had everything"
	}
	return fmt.Sprintf("write to %s: %v", e.where, e.err)
}

// Unwrap returns what the output said.
func (e *writeError) Unwrap() error { return e.err }

// Name returns the public name of a destination that failed.
func (e *writeError) Name() string { return "Sink.Failed" }

// gone says that the reader of a pipe has closed it.
func gone(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
}

// stopped is the failure of a command that a signal ended.
func stopped(ctx context.Context) error {
	return &failure.Named{
		Public: "Snapshot.Incomplete",
		Text:   fmt.Sprintf("stopped before the list was complete: %v", context.Cause(ctx)),
	}
}

// classified returns err as it is told: a signal explains whatever it broke.
func classified(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return stopped(ctx)
	}
	return err
}

// report tells on stderr what went wrong and returns the exit status.
func (p *program) report(ctx context.Context, err error) int {
	err = classified(ctx, err)
	switch {
	case err == nil:
		return complete
	case errors.Is(err, errTold):
		return failed
	}
	_, _ = io.WriteString(p.stderr, explain(err)) // there is no other place to say it
	if isConfiguration(err) {
		return wrongUsage
	}
	return failed
}

// isConfiguration tells what the person at the terminal can mend on this
// machine: arguments, variables, and the credentials that they hold.
func isConfiguration(err error) bool {
	return failure.Of(err).Name == "Config.Invalid" || missingVariables(err)
}

func missingVariables(err error) bool {
	var trouble *secret.Error
	return errors.As(err, &trouble) && trouble.Source == envSource &&
		(trouble.Kind == secret.Missing || trouble.Kind == secret.Malformed)
}

// explain is the message for a person: what happened, to whom, what to do next.
// Graph's own words may name people, so they are here and in no log.
func explain(err error) string {
	var b strings.Builder
	line := func(format string, values ...any) {
		for i, text := range strings.Split(fmt.Sprintf(format, values...), "\n") {
			if i > 0 {
				b.WriteString("\n")
			}
			b.WriteString(printable(text))
		}
		b.WriteString("\n")
	}
	var suspect *snapshot.SuspectError
	if errors.As(err, &suspect) {
		explainSuspect(suspect, line)
		return b.String()
	}
	line("%s: %v", programName, err)
	var answer *graph.Error
	if errors.As(err, &answer) && answer.Message != "" {
		line("  Graph says: %s", answer.Message)
	}
	var at *tenantError
	if errors.As(err, &at) {
		line("  As: %s", at.who)
	}
	if missingVariables(err) {
		line("  To try it without a tenant: %s list --demo", programName)
	}
	return b.String()
}

// explainSuspect tells a person to look before anybody else sees the list.
func explainSuspect(suspect *snapshot.SuspectError, line func(format string, values ...any)) {
	line("%s: the list is suspect and was not published; the last one stays", programName)
	for _, reason := range suspect.Reasons {
		line("  %s", reason)
	}
	line("  What was found: %s", place{suspect.Manifest}.of(""))
	line("  If it is right: the same command with --accept %s", suspect.Run)
}

// tenantError says as whom and in which tenant something went wrong.
type tenantError struct {
	who string
	err error
}

func (e *tenantError) Error() string { return e.err.Error() }

// Unwrap returns what went wrong.
func (e *tenantError) Unwrap() error { return e.err }
