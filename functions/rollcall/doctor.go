package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/graph"
)

type doctorCommand struct {
	tenantFlags
}

// Help is the rest of `rollcall doctor --help`.
func (doctorCommand) Help() string {
	return `One line a check, on stdout: ok or failed, what was found, and below a failure what to do.
Nothing is changed anywhere and no user is shown. The exit status is 1 if a check failed.

  configuration  the environment, all problems at once
  credential     the secret is readable; where it is kept and when it expires
  tenant         the tenant exists; its GUID
  token          Entra ID gives a token; how long it lasts
  permission     the token may read users
  columns        each selected column can be read
  count          Graph counts the users, so that lists can be verified
  page           how long a page takes`
}

// Run makes the checks, one after the other, as far as each has what it needs.
func (c *doctorCommand) Run(ctx context.Context, p *program, all *commands) error {
	d := &diagnosis{w: &checkedWriter{where: "stdout", w: p.stdout}}
	stderr := &screen{w: p.stderr}
	t, err := p.connect(ctx, c.tenantFlags, nil, stderr.logger(all.Verbose))
	if err != nil {
		d.failed("configuration", err)
		return d.result(ctx)
	}
	defer t.close()
	d.examine(ctx, t)
	return d.result(ctx)
}

// diagnosis prints the outcome of each check and keeps the verdict.
type diagnosis struct {
	w    io.Writer
	bad  int
	fail error // of w
}

func (d *diagnosis) ok(check, format string, values ...any) {
	d.line("ok", check, fmt.Sprintf(format, values...))
}

// failed tells what went wrong: the first line beside the check, the rest below.
func (d *diagnosis) failed(check string, err error) {
	d.bad++
	first, rest, more := strings.Cut(inLines(err), "\n")
	d.line("failed", check, first)
	if more {
		d.below(rest)
	}
	var answer *graph.Error
	if errors.As(err, &answer) && answer.Message != "" {
		d.below("Graph says: " + answer.Message)
	}
	if missingVariables(err) {
		d.below("To try it without a tenant: " + programName + " doctor --demo")
	}
}

// inLines is the text of an error, with the problems of a configuration a line each.
func inLines(err error) string {
	var invalid *config.Error
	if !errors.As(err, &invalid) {
		return err.Error()
	}
	var problems []string
	for _, problem := range invalid.Problems {
		problems = append(problems, problem.String())
	}
	return strings.Join(problems, "\n")
}

func (d *diagnosis) line(outcome, check, text string) {
	d.print(fmt.Sprintf("%-6s  %-13s  %s", outcome, check, printable(text)))
}

func (d *diagnosis) below(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		d.print(strings.Repeat(" ", 8) + printable(strings.TrimSpace(line)))
	}
}

func (d *diagnosis) print(line string) {
	if d.fail == nil {
		_, d.fail = io.WriteString(d.w, line+"\n")
	}
}

func (d *diagnosis) result(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return stopped(ctx)
	case d.fail != nil:
		return d.fail
	case d.bad > 0:
		return errTold
	}
	return nil
}

// inDays says how far away a moment is, in the unit that people plan in.
func inDays(d time.Duration) string {
	days := int(d.Hours() / 24)
	switch {
	case days == 1:
		return "1 day"
	case days > 1:
		return fmt.Sprintf("%d days", days)
	}
	return d.Round(time.Minute).String()
}
