package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
)

type changesCommand struct {
	Sink       []string      `sep:"none" placeholder:"URL" help:"Where to publish: the URL of a bus; repeatable, instead of ROLLCALL_SINKS. Default: stdout."`
	State      string        `placeholder:"URL" help:"Store of what was published last, a folder or a URL, instead of ROLLCALL_STATE."`
	Watch      bool          `help:"Go on until it is interrupted."`
	Every      time.Duration `placeholder:"D" help:"How long --watch waits between two rounds (30s; 2s if the tenant is simulated)."`
	Format     string        `enum:"auto,text,ndjson" default:"auto" placeholder:"FORMAT" help:"What stdout gets: text or ndjson. Default: text on a terminal, otherwise ndjson."`
	Baseline   string        `enum:",emit" default:"" placeholder:"emit" help:"emit has the first run publish everybody as created."`
	Accept     string        `placeholder:"RUN" help:"Publish changes that were found suspect."`
	Resync     bool          `help:"Compare what is known with everybody now, and publish what differs."`
	Select     string        `placeholder:"A,B" help:"Columns, instead of ROLLCALL_SELECT; name? marks one that may be missing."`
	MaxLeavers string        `placeholder:"N" help:"How many users may leave at once, a number or a percentage, instead of ROLLCALL_MAX_LEAVERS."`
	tenantFlags
}

// Help is the rest of `rollcall changes --help`.
func (changesCommand) Help() string {
	return `Publishes who joined, changed, left and came back since the last run, each as an event that says
what was before. The first run takes down who is there and publishes nothing.

Without a bus the events go to stdout, one CloudEvent a line, or one line of text on a terminal.
A bus is one of these; docs/snapshot.md lists the options, docs/changes.md explains the events:
  eventbridge://bus  sns:<ARN>  sqs:<queue URL>  kinesis://stream  firehose://stream
  azqueue://account/queue  eventgrid://<host of the topic>  https://host/path#option=value

What was published last is kept in a store, the state. --watch without a bus needs none: it
shows what happens from now on, and forgets it at the end. With --state it goes on where the
last run ended, so that nothing is missed in between.

stdout: the events; with a bus the result of each run as one line of JSON, unless it is a
terminal. stderr: what was published, and what went wrong.

If too many users left at once, the changes are suspect and none of them is published. If they
are right, publish them with --accept RUN.

Ctrl-C loses nothing: the next run publishes what this one has not. It ends --watch with
status 0. A round that fails is tried again, except for wrong usage or configuration, and for
suspect changes, which end --watch.

Examples:
  rollcall changes --demo --watch
  rollcall changes --watch                                what happens in your tenant from now on
  rollcall changes --state ./state >> changes.ndjson      what has happened since the last time
  rollcall changes --state s3://bucket/state --sink eventbridge://default
  rollcall changes --state ./state --accept 20261122T020000Z-5f0c2a91`
}

// Run publishes what has changed, once or again and again.
func (c *changesCommand) Run(ctx context.Context, p *program) error {
	p.trial = "changes --watch"
	flags, err := c.overrides()
	if err != nil {
		return err
	}
	console, log := p.console()
	var settings publisher.Settings
	more := []any{&settings}
	if c.Demo {
		more = append(more, &demoSettings{})
		c.churn = 60
	}
	t, err := p.connect(ctx, c.tenantFlags, flags, console, log, more...)
	if err != nil {
		return err
	}
	defer t.close()
	forget, err := c.keep(&settings)
	if err != nil {
		return err
	}
	if forget != nil {
		defer forget()
	}
	to, err := t.publisher(settings, log)
	if err != nil {
		return err
	}
	f := &feed{program: p, console: console, watch: c.Watch, kept: forget == nil, bus: len(settings.Sinks.Buses) > 0}
	f.text = !f.bus && c.isText(p)
	f.run = func(ctx context.Context, in changes.Input, watch func(list.Report)) (*changes.Result, error) {
		result, err := to.Changes(ctx, in, f.stdout, watch)
		return result, explained(ctx, t, err)
	}
	in := changes.Input{Baseline: c.Baseline, Accept: c.Accept, Resync: c.Resync}
	if c.Watch {
		return f.follow(ctx, in, interval(c.Every, t.config.GraphURL))
	}
	return f.once(ctx, in)
}

func (c *changesCommand) overrides() (overrides, error) {
	if c.Every != 0 && !c.Watch {
		return nil, &usageError{"--every is the pause of --watch; add --watch"}
	}
	if c.Every < time.Second && c.Every != 0 {
		return nil, &usageError{"--every is at least 1s"}
	}
	for _, sink := range c.Sink {
		if kind, _, _ := strings.Cut(sink, ":"); !hasScheme(sink) || isStore(kind) {
			return nil, &usageError{"--sink takes a bus, such as eventbridge://default or sqs:<queue URL>; events go to stdout without one, and --state names the folder or bucket of the state"}
		}
	}
	sinks, err := sinkURLs(c.Sink)
	if err != nil {
		return nil, err
	}
	state, err := stateURL(c.State)
	if err != nil {
		return nil, err
	}
	return overrides{
		{"--sink", "ROLLCALL_SINKS", sinks},
		{"--state", "ROLLCALL_STATE", state},
		{"--select", "ROLLCALL_SELECT", c.Select},
		{"--max-leavers", "ROLLCALL_MAX_LEAVERS", c.MaxLeavers},
	}, nil
}

func isStore(kind string) bool {
	switch strings.ToLower(kind) {
	case "file", "s3", "azblob":
		return true
	}
	return false
}

// keep makes sure that there is a state. Where none is named and none is needed it is a
// temporary folder, which forget removes; otherwise forget is nil.
func (c *changesCommand) keep(settings *publisher.Settings) (forget func(), err error) {
	switch {
	case !settings.State.IsZero() || len(settings.Sinks.Stores) > 0:
		return nil, nil //nolint:nilnil // nothing is to be forgotten
	case !c.Demo && (!c.Watch || len(settings.Sinks.Buses) > 0):
		return nil, &usageError{"no state, which says what was published last; name a folder or a URL, such as --state ./state or --state s3://bucket/prefix, or set ROLLCALL_STATE; " +
			"to see what happens from now on, " + programName + " changes --watch needs none"}
	}
	if forget, err = temporaryState(settings); err != nil {
		return nil, fmt.Errorf("a temporary folder for the state: %w; name another with --state", err)
	}
	return forget, nil
}

// temporaryState makes a folder the state, which forget removes.
func temporaryState(settings *publisher.Settings) (forget func(), err error) {
	folder, err := os.MkdirTemp("", programName+"-changes-")
	if err != nil {
		return nil, err
	}
	forget = func() { _ = os.RemoveAll(folder) }
	url, err := stateURL(filepath.ToSlash(folder))
	if err == nil {
		err = settings.State.UnmarshalText([]byte(url))
	}
	if err != nil {
		forget()
		return nil, err
	}
	return forget, nil
}

// isText reports whether events are shown to a person.
func (c *changesCommand) isText(p *program) bool {
	_, onTerminal := terminalWidth(p.stdout)
	return c.Format == "text" || c.Format == "auto" && onTerminal
}

// interval is the pause between two rounds, if not 0 the one that was asked for. A simulated
// tenant has no quota to spare.
func interval(every time.Duration, graphURL string) time.Duration {
	switch {
	case every > 0:
		return every
	case isLoopbackURL(graphURL):
		return 2 * time.Second
	}
	return 30 * time.Second
}
