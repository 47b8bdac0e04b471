package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/published"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

type diffCommand struct {
	Before string `arg:"" placeholder:"MANIFEST" help:"The earlier snapshot: a manifest.json, a latest/tenant=<GUID>.json, or a sink."`
	After  string `arg:"" placeholder:"MANIFEST" help:"The later one. Both may be of any format."`
	Format string `enum:"auto,table,ndjson,csv,csv=excel" default:"auto" help:"table, ndjson, csv or csv=excel. Default: table on a terminal, otherwise ndjson."`
	Rows   int    `default:"50" placeholder:"N" help:"How many rows a table shows, 0 for all (${default})."`
	Others bool   `name:"any-tenant" help:"Compare the lists of two tenants."`
	publishedFlags
}

// Help is the rest of `rollcall diff --help`.
func (diffCommand) Help() string {
	return `Compares two published snapshots: who joined, who left, and what has changed, column by column.
Both are verified while they are read, as by rollcall verify; nothing is printed of one that is
not whole. A suspect list may be compared, to find out what is wrong with it.

The order of the users does not matter, nor does that of the values of a list. Columns that only
one of them has are named on stderr and not compared. What a format cannot tell apart is not
told apart: in CSV an empty text from none.

Formats:
  table    one row for each user who joined or left, and for each value that has changed
  ndjson   one user per line, {"type":"changed","id":...,"user":{...},"changed":["department"],
           "before":{"department":...}}, as the change feed has it, and type joined or left; then
           {"@rollcall.complete":true,"joined":N,"left":N,"changed":N,"unchanged":N}
  csv      the rows of the table, with all of each value

Memory does not grow with the lists; temporary files take some 100 bytes a user (TMPDIR says where).

Examples:
  rollcall diff s3://bucket/users/runs/tenant=<GUID>/run=<RUN>/manifest.json s3://bucket/users --tenant <GUID>
  rollcall diff ./monday ./tuesday --format csv > changes.csv`
}

// Run compares the snapshots and says in the end how many users are the same.
func (c *diffCommand) Run(ctx context.Context, p *program) error {
	out, err := c.open(p)
	if err != nil {
		return err
	}
	before, err := p.find(ctx, c.Before, c.publishedFlags)
	if err != nil {
		return named(c.Before, err)
	}
	after, err := p.find(ctx, c.After, c.publishedFlags)
	if err != nil {
		return named(c.After, err)
	}
	if before.Manifest.Tenant != after.Manifest.Tenant && !c.Others {
		return &usageError{fmt.Sprintf("these are lists of tenant %s and of tenant %s; --any-tenant compares them all the same", before.Manifest.Tenant, after.Manifest.Tenant)}
	}
	d, err := published.Compare(ctx, before, after, published.Options{})
	if err != nil {
		return err
	}
	defer d.Close()
	if _, err := io.WriteString(p.errOut(), printableLines(strings.Join(notes(d, &before.Manifest, &after.Manifest), "\n"))); err != nil {
		return err
	}
	n, err := c.write(d, out)
	if err != nil {
		return err
	}
	_, err = io.WriteString(p.errOut(), printableLines(summary(n)))
	return err
}

// named says of which argument an error is.
func named(name string, err error) error {
	if errors.As(err, new(*published.Error)) {
		return fmt.Errorf("%s cannot be compared: %w", name, err)
	}
	return err
}

// notes are what a person should know before reading the differences.
func notes(d *published.Difference, before, after *snapshot.Manifest) []string {
	all := []string{fmt.Sprintf("run %s of %s, %d users; run %s of %s, %d users", before.Run, day(before), before.Users, after.Run, day(after), after.Users)}
	note := func(when bool, text string) {
		if when {
			all = append(all, "note: "+text)
		}
	}
	note(after.StartedAt.Before(before.StartedAt), "the first one is the newer one")
	note(before.Filter != after.Filter, "their filters differ, so users may join and leave by that alone")
	note(before.Status == snapshot.Suspect, "the first one is suspect and was not published")
	note(after.Status == snapshot.Suspect, "the second one is suspect and was not published")
	note(len(d.OnlyBefore) > 0, "only the first one has "+strings.Join(d.OnlyBefore, ", "))
	note(len(d.OnlyAfter) > 0, "only the second one has "+strings.Join(d.OnlyAfter, ", "))
	return all
}

func day(m *snapshot.Manifest) string { return m.StartedAt.UTC().Format("2006-01-02 15:04 MST") }

func summary(n published.Counts) string {
	return fmt.Sprintf("%d joined, %d left, %d changed, %d unchanged", n.Joined, n.Left, n.Changed, n.Unchanged)
}

// write writes every change.
func (c *diffCommand) write(d *published.Difference, out diffOutput) (n published.Counts, err error) {
	defer func() {
		if err != nil {
			out.abort()
		}
	}()
	for _, kind := range out.passes() { // a table for people has those who joined first
		n = published.Counts{}
		for change, err := range d.Changes(&n) {
			if err == nil && (kind == "" || change.Kind == kind) {
				err = out.change(change)
			}
			if err != nil {
				return n, err
			}
		}
	}
	return n, out.complete(n)
}
