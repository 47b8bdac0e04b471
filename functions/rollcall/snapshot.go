package main

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

type snapshotCommand struct {
	Sink       []string `sep:"none" placeholder:"URL" help:"Where to publish: a folder or a URL; repeatable, instead of ROLLCALL_SINKS."`
	State      string   `placeholder:"URL" help:"Store for what is kept between runs, instead of ROLLCALL_STATE. Default: state, in the first store."`
	Name       string   `name:"run" xor:"run" placeholder:"NAME" help:"Name of the run; one that is done answers with its result. Default: the time and a random number."`
	Accept     string   `placeholder:"RUN" xor:"run" help:"Publish a run that was found suspect."`
	MaxLeavers string   `placeholder:"N" help:"How many known users may be missing, in users or per cent, instead of ROLLCALL_MAX_LEAVERS."`
	requestFlags
	tenantFlags
}

// Help is the rest of `rollcall snapshot --help`.
func (snapshotCommand) Help() string {
	return `Publishes the whole list, or nothing: what readers see moves on only once the list is proven
against Graph's own count and every object is stored. Until then, and after any failure, they
see the last one.

A sink is a folder, or one of these:
  file:///folder                        objects; options after a ?, joined by &:
  s3://bucket/prefix                      format=ndjson|csv|parquet   compression=gzip|zstd|none
  azblob://account/container/prefix       part-size=128MiB
  eventbridge://bus  sns:<ARN>          one event that says where the manifest is,
  sqs:<queue URL>  kinesis://stream     and with users=each one for every user as well
  firehose://stream  https://host/path#option=value
docs/snapshot.md has all options, and what is where in a store.

With --demo only folders are published to, and the manifest says that it is a demo.

stdout: the result as one line of JSON, unless it is a terminal. stderr: what was published,
and last "N users, complete (verified against $count)" if it is.

If many users who were there last time are missing, the list is suspect and is not published.
Look at its manifest; if it is right, the same command with --accept RUN publishes it.

Ctrl-C leaves the last snapshot in place. Asked again with the same --run, a run whose list was
proven goes on with publishing; one that was still reading starts again.

Examples:
  rollcall snapshot --demo --sink ./snapshot
  rollcall snapshot --sink s3://bucket/directory --run 2026-11-22
  rollcall snapshot --sink './out?format=parquet' --select id,displayName,mail
  rollcall snapshot --sink s3://bucket/directory --sink eventbridge://default
  rollcall snapshot --sink ./snapshot --accept 20261122T020000Z-5f0c2a91d3e4`
}

// Run publishes the list and tells where it is.
func (c *snapshotCommand) Run(ctx context.Context, p *program, all *commands) error {
	flags, err := c.standIns(p)
	if err != nil {
		return err
	}
	stderr := &screen{w: p.stderr}
	log := stderr.logger(all.Verbose)
	var settings publisher.Settings
	more := []any{&settings}
	if c.Demo {
		more = append(more, &demoSettings{})
	}
	t, err := p.connect(ctx, c.tenantFlags, flags.overrides(), log, more...)
	if err != nil {
		return flags.inFlags(err)
	}
	defer t.close()
	cfg := *t.config
	cfg.Replaced = nil // the reader has warned of them
	to, err := publisher.New(&cfg, settings, log, t.options...)
	if err != nil {
		return err
	}
	to.Demo = c.Demo
	result, err := c.publish(ctx, to, p.newProgress(stderr))
	if err != nil {
		return t.told(ctx, err)
	}
	if err := p.printResult(result); err != nil {
		return err
	}
	return p.summarize(result)
}

// standIns are the flags and the variables that they stand for.
func (c *snapshotCommand) standIns(p *program) (standIns, error) {
	sinks, err := sinkURLs(c.Sink)
	if err != nil {
		return nil, err
	}
	if sinks == "" && lookup(p.environ, "ROLLCALL_SINKS") == "" {
		return nil, &usageError{"where to? Name a folder or a URL, such as --sink ./snapshot or --sink s3://bucket/prefix, or set ROLLCALL_SINKS"}
	}
	state := ""
	if c.State != "" {
		if state, err = sinkURL("--state", c.State); err != nil {
			return nil, err
		}
	}
	return append(c.requestFlags.standIns(), standIns{
		{"--sink", "ROLLCALL_SINKS", sinks},
		{"--state", "ROLLCALL_STATE", state},
		{"--max-leavers", "ROLLCALL_MAX_LEAVERS", c.MaxLeavers},
	}...), nil
}

// publish makes slice after slice until the run is done. Without a deadline there
// is one.
func (c *snapshotCommand) publish(ctx context.Context, to *publisher.Publisher, bar *progress) (*snapshot.Result, error) {
	defer bar.end()
	watch := func(r list.Report) {
		if r.Expected != nil {
			bar.expect(r.Expected.Before)
		}
		bar.at(r.Users)
	}
	result, err := to.Snapshot(ctx, snapshot.Input{Run: c.Name, Accept: c.Accept}, watch)
	for err == nil && result.Status == snapshot.Continue {
		result, err = to.Snapshot(ctx, snapshot.Input{Resume: result.Resume}, watch)
	}
	return result, err
}

// told adds who was asking to what Graph answered, and says in flags what an
// input cannot be.
func (t *tenant) told(ctx context.Context, err error) error {
	var input *snapshot.InputError
	if errors.As(err, &input) {
		return &usageError{"--" + input.Field + " " + input.Reason}
	}
	var answer *graph.Error
	if !errors.As(err, &answer) {
		return err
	}
	identity, unknown := t.Credential.Identity(ctx)
	if unknown != nil {
		return err
	}
	return &tenantError{who: identity.String(), err: err}
}

// printResult writes the result for a program; a person reads the summary.
func (p *program) printResult(result *snapshot.Result) error {
	if _, onTerminal := terminalWidth(p.stdout); onTerminal {
		return nil
	}
	line, err := json.Marshal(result)
	if err != nil {
		return err
	}
	_, err = (&checkedWriter{where: "stdout", w: p.stdout}).Write(append(line, '\n'))
	return err
}
