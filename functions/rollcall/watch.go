package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

// feed publishes the changes of a tenant from the command line.
type feed struct {
	program *program
	console *console
	// run publishes what has changed, once.
	run func(ctx context.Context, in changes.Input, watch func(list.Report)) (*changes.Result, error)
	// watch says that one round follows another, kept that the state outlives the command.
	watch, kept bool
	// bus says that the events go to one, text that a person reads them on stdout.
	bus, text bool
}

// stdout takes the events where there is no bus.
func (f *feed) stdout() changes.Bus {
	if f.text {
		return newEventText(f.program.out())
	}
	return bus.NewLines(f.program.out())
}

// longestPause is the longest wait between two rounds that fail.
const longestPause = 10 * time.Minute

// once publishes what has changed.
func (f *feed) once(ctx context.Context, in changes.Input) error {
	result, err := f.round(ctx, in)
	switch {
	case err != nil && ctx.Err() != nil && !errors.As(err, new(*crash.Error)):
		return &interruptedError{fmt.Sprintf("stopped before everything was published: %v; the next run publishes the rest", context.Cause(ctx))}
	case err != nil:
		return err
	}
	return f.report(result, true)
}

// follow publishes what changes until ctx ends, which is not a failure.
func (f *feed) follow(ctx context.Context, in changes.Input, every time.Duration) error {
	patience := retry.Policy{First: 2 * every, Last: max(longestPause, 2*every)}
	failures, worked := 0, false
	for ctx.Err() == nil {
		pause := every
		result, err := f.round(ctx, in)
		switch {
		case errors.As(err, new(*crash.Error)):
			return err
		case ctx.Err() != nil:
			continue
		case err == nil:
			if err := f.report(result, !worked); err != nil {
				return err
			}
			in, failures, worked = changes.Input{}, 0, true
		case isFinal(err, worked):
			return err
		default:
			failures++
			pause = max(patience.Backoff(failures), failure.Of(err).RetryAfter).Round(time.Second)
			if err := f.say(strings.TrimSuffix(f.program.explain(err), "\n"), "  Nothing is lost; the next try is in "+pause.String()); err != nil {
				return err
			}
		}
		_ = retry.Wait(ctx, pause) // or until it is interrupted
	}
	return nil
}

// isFinal reports whether trying again would be of no use. A credential or a permission
// that has worked once may work again.
func isFinal(err error, worked bool) bool {
	switch failure.Of(err).Name {
	case "Config.Invalid", "Request.Invalid", "Snapshot.Suspect", "State.Invalid":
		return true
	case "Credentials.Missing", "Credentials.Rejected", "Graph.AccessDenied", "Graph.BadRequest", "Graph.NotFound":
		return !worked
	}
	return errors.As(err, new(*writeError)) // whoever read stdout is gone
}

// round runs the feed until it is complete.
func (f *feed) round(ctx context.Context, in changes.Input) (*changes.Result, error) {
	bar := f.program.newProgress(f.console)
	defer bar.end()
	var total *changes.Result
	for {
		result, err := f.run(ctx, in, bar.report)
		if err != nil {
			return nil, err
		}
		if total != nil {
			result.Kind, result.Drift = total.Kind, result.Drift+total.Drift
			result.Add(total.Counts)
		}
		if total = result; result.Status == changes.Complete {
			return result, nil
		}
		in = changes.Input{Baseline: in.Baseline}
	}
}

// report tells a program, and a person, what a run has published. Further rounds that have
// published nothing are not worth a line.
func (f *feed) report(result *changes.Result, first bool) error {
	published := result.Total()
	if f.bus && (first || published > 0) {
		if err := f.program.printResult(result); err != nil {
			return err
		}
	}
	var lines []string
	if result.Drift > 0 {
		lines = append(lines, fmt.Sprintf("warning: %d users differed though no change had told of it", result.Drift))
	}
	if first && len(result.MissingColumns) > 0 {
		lines = append(lines, "warning: Graph does not track optional columns, which are missing: "+strings.Join(result.MissingColumns, ", "))
	}
	switch {
	case first && result.Kind == changes.Baseline && published == 0:
		lines = append(lines, fmt.Sprintf("%d users are known now. The first run publishes nothing: events begin with what changes next.", result.Users))
		switch {
		case f.watch:
		case f.kept:
			lines = append(lines, "Run it again to publish what has changed by then, or with --watch to go on.")
		default:
			lines = append(lines, "Nothing is kept: --watch goes on, --state DIR lets the next run go on.")
		}
	case first || published > 0 && !f.text: // who reads the events needs no sum
		lines = append(lines, fmt.Sprintf("%s; %d users", counted(result.Counts), result.Users))
	}
	if first && f.watch {
		lines = append(lines, "Watching. Ctrl-C ends it.")
	}
	return f.say(lines...)
}

// say writes lines for a person.
func (f *feed) say(lines ...string) error {
	if len(lines) == 0 {
		return nil
	}
	_, err := io.WriteString(&namedWriter{"stderr", f.console}, printableLines(strings.Join(lines, "\n")))
	return err
}

// counted says how many events of which kind there are.
func counted(c changes.Counts) string {
	var parts []string
	for _, each := range []struct {
		n    int
		name string
	}{{c.Created, "created"}, {c.Updated, "updated"}, {c.Deleted, "deleted"}, {c.Restored, "restored"}, {c.Purged, "purged"}} {
		if each.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", each.n, each.name))
		}
	}
	if len(parts) == 0 {
		return "nothing has changed"
	}
	return strings.Join(parts, ", ")
}
