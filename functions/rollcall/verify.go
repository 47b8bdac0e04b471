package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/published"
)

type verifyCommand struct {
	Manifest string `arg:"" placeholder:"MANIFEST" help:"The path or URL of a manifest.json, of a latest/tenant=<GUID>.json, or of a sink."`
	publishedFlags
}

// Help is the rest of `rollcall verify --help`.
func (verifyCommand) Help() string {
	return `Reads a published snapshot to its end and finds out whether it is whole. Nothing is changed, and no
user is shown.

  latest    it names the manifest, byte for byte, if the manifest was found by it
  manifest  what it says agrees with itself: tenant, run, figures, the proof, columns, objects
  status    it is complete; a suspect list was never published
  objects   each exists and has the size and the SHA-256 of the manifest
  users     each has as many users as the manifest says, and every one of them can be read
  ids       all users are different, over all objects
  columns   they are those that were asked for; those that are empty or missing are so

Memory does not grow with the list; temporary files take 17 bytes a user, and Parquet one object
(TMPDIR says where).

Exit status: 0 it is whole, 1 it is not, or it could not be read, 2 wrong usage.

Examples:
  rollcall verify ./snapshot
  rollcall verify ./snapshot/runs/tenant=<GUID>/run=<RUN>/manifest.json
  rollcall verify s3://bucket/directory/latest/tenant=<GUID>.json
  rollcall verify 's3://bucket/directory?region=eu-west-1' --tenant <GUID>`
}

// Run prints the checks, and whether the snapshot is whole.
func (c *verifyCommand) Run(ctx context.Context, p *program) error {
	list := p.newChecklist()
	s, err := p.find(ctx, c.Manifest, c.publishedFlags)
	if err != nil {
		return list.notFound(ctx, err)
	}
	list.found(s)
	checks, err := s.Verify(ctx, published.Options{})
	if err != nil {
		return err
	}
	for _, check := range checks {
		list.check(check)
	}
	if err := list.result(ctx); err != nil {
		return err
	}
	_, err = io.WriteString(p.errOut(), printableLines(fmt.Sprintf("%d users, whole: run %s of tenant %s", s.Manifest.Users, s.Manifest.Run, s.Manifest.Tenant)))
	return err
}

// notFound prints what is wrong with a manifest or with what names it.
func (c *checklist) notFound(ctx context.Context, err error) error {
	var wrong *published.Error
	if !errors.As(err, &wrong) {
		return err
	}
	c.fail(wrong.Check, strings.Join(wrong.Problems, "\n"))
	if wrong.Check == published.CheckLatest {
		c.skip(published.CheckManifest, "because latest does not lead to it")
	}
	for _, check := range []string{published.CheckStatus, published.CheckObjects, published.CheckUsers, published.CheckIDs, published.CheckColumns} {
		c.skip(check, "because %s failed", wrong.Check)
	}
	return c.result(ctx)
}

// found prints what a manifest says.
func (c *checklist) found(s *published.Snapshot) {
	m := &s.Manifest
	if s.Latest != nil {
		c.ok(published.CheckLatest, "run %s, started %s", m.Run, m.StartedAt.Format("2006-01-02 15:04:05 MST"))
	}
	stored := m.Format + ", " + m.Compression
	if m.Format == "" {
		stored = "without objects"
	}
	c.ok(published.CheckManifest, "%s: %d users, %s", location{s.URL}.of(""), m.Users, stored)
}

// check prints a check.
func (c *checklist) check(check published.Check) {
	switch {
	case len(check.Problems) > 0:
		c.fail(check.Name, strings.Join(check.Problems, "\n"))
	case check.Skipped != "":
		c.skip(check.Name, "because %s", check.Skipped)
	default:
		c.ok(check.Name, "%s", check.Found)
	}
	for _, note := range check.Notes {
		c.below("note: " + note)
	}
}
