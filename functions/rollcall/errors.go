package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"

	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// errReported is a failure that the command has reported in its own output.
var errReported = errors.New("already reported")

// usageError is a command line that makes no sense.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }

// Name returns the public name of an error found before any work is done.
func (e *usageError) Name() string { return "Config.Invalid" }

// writeError is a failed write to where, which is stdout, stderr or a file.
type writeError struct {
	where string
	err   error
}

func (e *writeError) Error() string {
	if errors.Is(e.err, syscall.EPIPE) || errors.Is(e.err, io.ErrClosedPipe) {
		return "the reader of " + e.where + " went away before it had everything"
	}
	return fmt.Sprintf("write to %s: %v", e.where, e.err)
}

// Unwrap returns the error of the write.
func (e *writeError) Unwrap() error { return e.err }

// Name returns the public name of a destination that failed.
func (e *writeError) Name() string { return "Sink.Failed" }

// tenantError adds the application and tenant, who, to an error.
type tenantError struct {
	who string
	err error
}

func (e *tenantError) Error() string { return e.err.Error() }

// Unwrap returns the error without the tenant.
func (e *tenantError) Unwrap() error { return e.err }

// stopped is the failure of a command that a signal interrupted.
func stopped(ctx context.Context) error {
	return &failure.Named{
		Public: "Snapshot.Incomplete",
		Text:   fmt.Sprintf("stopped before the list was complete: %v", context.Cause(ctx)),
	}
}

// interruptedError is the failure of a command that a signal interrupted, where the text
// of [stopped] would not be true.
type interruptedError struct{ text string }

func (e *interruptedError) Error() string { return e.text }

// Name returns the public name of what is not at its end.
func (e *interruptedError) Name() string { return "Snapshot.Incomplete" }

// orStopped replaces an error that a signal caused by the signal, unless the error
// tells more: that of a list which is complete, or a defect.
func orStopped(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil || errors.As(err, new(*snapshot.UnfinishedError)) || errors.As(err, new(*interruptedError)) || errors.As(err, new(*crash.Error)) {
		return err
	}
	return stopped(ctx)
}

// report prints an error on stderr and returns the exit status.
func (p *program) report(ctx context.Context, err error) int {
	err = orStopped(ctx, err)
	switch {
	case err == nil:
		return complete
	case errors.Is(err, errReported):
		return failed
	}
	_, _ = io.WriteString(p.stderr, p.explain(err)) // nowhere else to report a failed write
	if defect := (*crash.Error)(nil); errors.As(err, &defect) {
		_, _ = io.WriteString(p.stderr, defect.Stack())
	}
	if failure.Of(err).Name == "Config.Invalid" || missingVariables(err) {
		return wrongUsage
	}
	return failed
}

// missingVariables reports whether err is about the AZURE_ variables, which the
// person at the terminal can set.
func missingVariables(err error) bool {
	var e *secret.Error
	return errors.As(err, &e) && e.Source == envSource &&
		(e.Kind == secret.Missing || e.Kind == secret.Malformed)
}

// explain is the message for a person: what happened, to whom, what to do next.
func (p *program) explain(err error) string {
	lines := append([]string{fmt.Sprintf("%s: %v", programName, err)}, details(err, cmp.Or(p.trial, "list"))...)
	var suspect *snapshot.SuspectError
	if errors.As(err, &suspect) {
		lines = append([]string{programName + ": the list is suspect and was not published; the last one stays"}, suspect.Reasons...)
		lines = append(lines, "What was found: "+location{suspect.Manifest}.of(""), "If it is right: the same command with --accept "+suspect.Run)
	}
	var held *changes.SuspectError
	if errors.As(err, &held) {
		lines = append([]string{programName + ": the changes are suspect and none of them was published"}, held.Reasons...)
		lines = append(lines, "If they are right: the same command with --accept "+held.Run, "If not: correct the directory and run it again")
	}
	return printableLines(strings.Join(lines, "\n  "))
}

// details are further lines about an error: Graph's own message, which may name
// people and is therefore in no log, who asked, and how to run the command
// without a tenant.
func details(err error, command string) []string {
	var lines []string
	var answer *graph.Error
	if errors.As(err, &answer) && answer.Message != "" {
		lines = append(lines, "Graph says: "+answer.Message)
	}
	var at *tenantError
	if errors.As(err, &at) {
		lines = append(lines, "As: "+at.who)
	}
	if missingVariables(err) {
		lines = append(lines, "To try it without a tenant: "+programName+" "+command+" --demo")
	}
	return lines
}
