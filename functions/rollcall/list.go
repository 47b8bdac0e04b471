package main

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/list"
)

type listCommand struct {
	Format string `enum:"auto,table,ndjson,csv,json" default:"auto" placeholder:"FORMAT" help:"table, ndjson, csv or json. Default: table on a terminal, what the name of --output ends in, otherwise ndjson."`
	Output string `short:"o" placeholder:"FILE" help:"Write to FILE, which appears, or is replaced, only once the list is complete."`
	Rows   int    `placeholder:"N" default:"10" help:"Rows of a table, 0 for all (${default})."`

	requestFlags
	tenantFlags
}

// Help is the rest of `rollcall list --help`.
func (listCommand) Help() string {
	return `A list is whole or it is an error: the number of users is proven against Graph's own count.

Without --output:
  table    the first rows, then "N users, complete (verified against $count)" if it is
  ndjson   one user a line as Graph sent it, then a record {"@rollcall.complete":true,...},
           or one with false and the error
  json     one object {"value":[...],"@odata.count":N,"@rollcall.complete":true},
           left open if the list fails
  csv      nothing until the list is complete; UTF-8, a line feed after each record

Examples:
  rollcall list
  rollcall list --demo --format ndjson | jq -r .userPrincipalName
  rollcall list --output users.csv --select id,displayName,mail
  rollcall list --filter "accountEnabled eq true and userType eq 'Guest'" --rows 0`
}

// Run reads the list into the output and says on stderr, or under the table, that
// it is whole.
func (c *listCommand) Run(ctx context.Context, p *program, all *commands) error {
	if err := c.check(p); err != nil {
		return err
	}
	out, err := c.open(p)
	if err != nil {
		return err
	}
	stderr := &screen{w: p.stderr}
	report, err := c.read(ctx, p, stderr, all.Verbose, out)
	if err != nil {
		err = classified(ctx, err)
		out.Abort(err)
		return err
	}
	if err := out.Complete(report); err != nil {
		out.Abort(err)
		return err
	}
	for _, warning := range warnings(report) {
		_, _ = fmt.Fprintln(p.stderr, "warning: "+printable(warning))
	}
	if !out.closes() {
		_, _ = fmt.Fprintln(p.stderr, closingLine(report))
	}
	return nil
}

// check decides the format and refuses what does not go together.
func (c *listCommand) check(p *program) error {
	if c.Rows < 0 {
		return &usageError{"--rows is 0 for all, or a number of rows"}
	}
	if c.Format == formatAuto {
		_, onTerminal := terminalWidth(p.stdout)
		c.Format = defaultFormat(c.Output, onTerminal)
	}
	if c.Format == formatTable && c.Output != "" {
		return &usageError{"--format table is for reading, not for a file; with --output use ndjson, csv or json"}
	}
	return nil
}

const (
	formatAuto   = "auto"
	formatTable  = "table"
	formatNDJSON = "ndjson"
	formatCSV    = "csv"
	formatJSON   = "json"
)

// defaultFormat is the format when none is asked for.
func defaultFormat(output string, onTerminal bool) string {
	switch extension := strings.ToLower(strings.TrimPrefix(filepath.Ext(output), ".")); {
	case output == "" && onTerminal:
		return formatTable
	case extension == formatCSV, extension == formatJSON:
		return extension
	}
	return formatNDJSON
}

// read reads the whole list into out.
func (c *listCommand) read(ctx context.Context, p *program, stderr *screen, verbose bool, out output) (list.Report, error) {
	log := stderr.logger(verbose)
	t, err := p.connect(ctx, c.tenantFlags, c.standIns().overrides(), log)
	if err != nil {
		return list.Report{}, c.standIns().inFlags(err)
	}
	defer t.close()
	identity, err := t.Credential.Identity(ctx)
	if err != nil {
		return list.Report{}, fmt.Errorf("read credentials: %w", err)
	}
	out.columns(columnNames(t.config), c.chosen(p))
	bar := p.newProgress(stderr)
	defer bar.end()
	listing := list.New(counted{t.Graph, bar}, t.Request, log)
	for user, err := range listing.Users(ctx) {
		if err != nil {
			return list.Report{}, &tenantError{who: identity.String(), err: err}
		}
		if err := out.User(user.Raw); err != nil {
			return list.Report{}, err
		}
		bar.step()
	}
	return listing.Report(), nil
}

// chosen says whether somebody chose the columns.
func (c *listCommand) chosen(p *program) bool {
	return c.Select != "" || strings.TrimSpace(lookup(p.environ, "ROLLCALL_SELECT")) != ""
}

func columnNames(cfg *config.Config) []string {
	names := make([]string, len(cfg.Select))
	for i, column := range cfg.Select {
		names[i] = column.Name
	}
	return names
}

// warnings are what a person should know of a list that is whole.
func warnings(r list.Report) []string {
	all := r.Warnings
	if len(r.MissingColumns) > 0 {
		all = append([]string{"Graph refused optional columns, which are missing: " + strings.Join(r.MissingColumns, ", ")}, all...)
	}
	return all
}

// open makes the output. It fails early where the destination cannot work.
func (c *listCommand) open(p *program) (output, error) {
	if c.Output != "" {
		return newFileOutput(c.Output, c.Format)
	}
	stdout := &checkedWriter{where: "stdout", w: p.stdout}
	switch c.Format {
	case formatTable:
		width, terminal := terminalWidth(p.stdout)
		return &tableOutput{w: stdout, limit: c.Rows, width: width, bold: terminal && p.colours()}, nil
	case formatCSV:
		return newSpooledOutput(stdout)
	case formatJSON:
		return newJSONOutput(stdout), nil
	}
	return newNDJSONOutput(stdout), nil
}

// colours says whether the terminal may be sent colours and weights.
func (p *program) colours() bool {
	return lookup(p.environ, "NO_COLOR") == "" && lookup(p.environ, "TERM") != "dumb"
}

// checkedWriter says which output it was that failed.
type checkedWriter struct {
	where string
	w     io.Writer
}

func (c *checkedWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	if err != nil {
		err = &writeError{where: c.where, err: err}
	}
	return n, err
}
