package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

type snapshotCommand struct {
	Sink       []string `sep:"none" placeholder:"URL" help:"Where to publish: a folder or a URL; repeatable, instead of ROLLCALL_SINKS."`
	State      string   `placeholder:"URL" help:"Store of the state between runs, instead of ROLLCALL_STATE. Default: state, in the first store."`
	Name       string   `name:"run" xor:"run" placeholder:"NAME" help:"Name of the run; a finished one returns its result. Default: the time and a random number."`
	Accept     string   `placeholder:"RUN" xor:"run" help:"Publish a run that was found suspect."`
	MaxLeavers string   `placeholder:"N" help:"How many known users may be missing, a number or a percentage, instead of ROLLCALL_MAX_LEAVERS."`
	requestFlags
	tenantFlags
}

// Help is the rest of `rollcall snapshot --help`.
func (snapshotCommand) Help() string {
	return `Publishes the complete list, or nothing: readers see the new list only once it has been checked
against Graph's own count and every object is stored. Until then, and after any failure, they
see the last one.

A sink is a folder, or one of these:
  file:///folder                        objects; options follow a ?, joined by &:
  s3://bucket/prefix                      format=ndjson|csv|parquet   compression=gzip|zstd|none
  azblob://account/container/prefix       part-size=128MiB
  eventbridge://bus  sns:<ARN>          one event that says where the manifest is,
  sqs:<queue URL>  kinesis://stream     and with users=each one for every user as well
  firehose://stream  azqueue://account/queue  eventgrid://<host of the topic>
  https://host/path#option=value
docs/snapshot.md lists all options and explains the layout of a store.

--demo publishes to folders only, and marks the manifest as a demo.

stdout: the result as one line of JSON, unless it is a terminal. stderr: what was published,
and finally "N users, complete (verified against $count)" if it is.

If many users of the last list are missing, the list is suspect and is not published. Read its
manifest; if it is right, publish it with --accept RUN.

Ctrl-C leaves the last snapshot in place, unless the new one is being published: then that has
five more seconds to finish. If it is run once more with the same --run, a run whose
list was complete goes on with publishing; one that was still reading starts over.

Examples:
  rollcall snapshot --demo --sink ./snapshot
  rollcall snapshot --sink s3://bucket/directory --run 2026-11-22
  rollcall snapshot --sink './out?format=parquet' --select id,displayName,mail
  rollcall snapshot --sink s3://bucket/directory --sink eventbridge://default
  rollcall snapshot --sink ./snapshot --accept 20261122T020000Z-5f0c2a91d3e4`
}

// Run publishes the list and prints where it is.
func (c *snapshotCommand) Run(ctx context.Context, p *program) error {
	flags, err := c.overrides(p)
	if err != nil {
		return err
	}
	console, log := p.console()
	var settings publisher.Settings
	more := []any{&settings}
	if c.Demo {
		more = append(more, &demoSettings{})
	}
	t, err := p.connect(ctx, c.tenantFlags, flags, console, log, more...)
	if err != nil {
		return err
	}
	defer t.close()
	to, err := t.publisher(settings, log)
	if err != nil {
		return err
	}
	to.Demo = c.Demo
	result, err := c.publish(ctx, to, p.newProgress(console))
	if err != nil {
		return explained(ctx, t, err)
	}
	if err := p.printResult(result); err != nil {
		return err
	}
	return p.printSummary(result)
}

func (c *snapshotCommand) overrides(p *program) (overrides, error) {
	sinks, err := sinkURLs(c.Sink)
	if err != nil {
		return nil, err
	}
	if sinks == "" && lookup(p.environ, "ROLLCALL_SINKS") == "" {
		return nil, &usageError{"no destination; name a folder or a URL, such as --sink ./snapshot or --sink s3://bucket/prefix, or set ROLLCALL_SINKS"}
	}
	state, err := stateURL(c.State)
	if err != nil {
		return nil, err
	}
	return append(c.requestFlags.overrides(), overrides{
		{"--sink", "ROLLCALL_SINKS", sinks},
		{"--state", "ROLLCALL_STATE", state},
		{"--max-leavers", "ROLLCALL_MAX_LEAVERS", c.MaxLeavers},
	}...), nil
}

// publish runs slice after slice until the run is complete. Without a deadline
// there is one.
func (c *snapshotCommand) publish(ctx context.Context, to *publisher.Publisher, bar *progress) (*snapshot.Result, error) {
	defer bar.end()
	result, err := to.Snapshot(ctx, snapshot.Input{Run: c.Name, Accept: c.Accept}, bar.report)
	for err == nil && result.Status == snapshot.Continue {
		result, err = to.Snapshot(ctx, snapshot.Input{Resume: result.Resume}, bar.report)
	}
	return result, err
}

// explained adds the tenant to an answer of Graph, and names the flag of an
// invalid input.
func explained(ctx context.Context, t *tenant, err error) error {
	var input *snapshot.InputError
	if errors.As(err, &input) {
		return &usageError{"--" + input.Field + " " + input.Reason}
	}
	var asked *changes.InputError
	if errors.As(err, &asked) && asked.Name() == "Request.Invalid" {
		return &usageError{"--" + asked.Field + " " + asked.Reason}
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

// printResult writes the result for a program. People read the summary.
func (p *program) printResult(result any) error {
	if _, onTerminal := terminalWidth(p.stdout); onTerminal {
		return nil
	}
	return p.printJSON(result)
}

// printJSON writes a value on a line.
func (p *program) printJSON(value any) error {
	line, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = p.out().Write(append(line, '\n'))
	return err
}

// printSummary tells a person what was published and where, and finally that it is
// complete.
func (p *program) printSummary(result *snapshot.Result) error {
	if len(result.Published) == 0 {
		text := fmt.Sprintf("run %s was published under another configuration; its manifest is %s", result.Run, result.Manifest)
		_, err := io.WriteString(p.errOut(), printableLines(text))
		return err
	}
	m := result.Published[0].Manifest
	report := list.Report{
		Users: m.Users, Verified: m.Verified, VerifiedBy: m.VerifiedBy, Expected: m.Expected, Difference: m.Difference,
		MissingColumns: m.MissingColumns, Warnings: m.Warnings,
	}
	var b strings.Builder
	for _, one := range result.Published {
		at := location{one.Root}
		fmt.Fprintf(&b, "%s%s\n", at.of(""), size(&one.Manifest))
		fmt.Fprintf(&b, "  latest    %s\n", at.of(one.LatestKey))
		fmt.Fprintf(&b, "  manifest  %s\n", at.of(one.ManifestKey))
	}
	if result.Superseded != "" {
		report.Warnings = append(report.Warnings, "run "+result.Superseded+" is newer and stays the latest one; this one was stored and not announced")
	}
	for _, warning := range warnings(report) {
		fmt.Fprintln(&b, "warning: "+warning)
	}
	_, err := io.WriteString(p.errOut(), printableLines(b.String()+closingLine(report)))
	return err
}

// size is how many objects there are and how large they are together.
func size(m *snapshot.Manifest) string {
	var bytes int64
	for _, o := range m.Objects {
		bytes += o.Bytes
	}
	plural := "s"
	if len(m.Objects) == 1 {
		plural = ""
	}
	return fmt.Sprintf(": %d object%s, %s", len(m.Objects), plural, humanSize(bytes))
}

// humanSize writes a size in decimal units, as file managers and clouds do.
func humanSize(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d bytes", n)
	}
	value, units := float64(n), []string{"kB", "MB", "GB", "TB"}
	for i := 0; ; i++ {
		if value /= 1000; value < 999.5 || i == len(units)-1 {
			if value < 9.95 {
				return fmt.Sprintf("%.1f %s", value, units[i])
			}
			return fmt.Sprintf("%.0f %s", value, units[i])
		}
	}
}
