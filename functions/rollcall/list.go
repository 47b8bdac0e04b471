package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/format/xlsx"
	"github.com/rollcall-dev/rollcall/pkg/list"
)

type listCommand struct {
	Format string `enum:"auto,table,ndjson,csv,csv=excel,json,xlsx" default:"auto" placeholder:"FORMAT" help:"table, ndjson, csv, csv=excel, json or xlsx. Default: table on a terminal, the extension of --output, otherwise ndjson."`
	Output string `short:"o" placeholder:"FILE" help:"Write to FILE, which appears, or is replaced, only once the list is complete."`
	Rows   int    `placeholder:"N" default:"10" help:"Rows of a table, 0 for all (${default})."`

	requestFlags
	tenantFlags
}

// Help is the rest of `rollcall list --help`.
func (listCommand) Help() string {
	return `A list is complete or it is an error: the number of users is checked against Graph's own count.

Without --output:
  table    the first rows, then "N users, complete (verified against $count)" if it is
  ndjson   one user per line as Graph sent it, then a record {"@rollcall.complete":true,...},
           or one with false and the error
  json     one object {"value":[...],"@odata.count":N,"@rollcall.complete":true,...},
           left open if the list fails
  csv      nothing until the list is complete; UTF-8, a line feed after each record
  csv=excel  csv for a spreadsheet: with a byte order mark, and cells that would run as formulas
           start with an apostrophe. A spreadsheet still turns 00123 into 123; write xlsx instead
  xlsx     a workbook, once the list is complete: text stays text, instants are dates (UTC), the
           header is frozen and filters; up to 1,048,575 users

Examples:
  rollcall list
  rollcall list --demo --format ndjson | jq -r .userPrincipalName
  rollcall list --output users.csv --select id,displayName,mail
  rollcall list --output users.xlsx
  rollcall list --filter "accountEnabled eq true and userType eq 'Guest'" --rows 0`
}

// Run reads the list into the output and says, on stderr or below the table, that
// it is complete.
func (c *listCommand) Run(ctx context.Context, p *program) error {
	if err := c.validate(p); err != nil {
		return err
	}
	out, err := c.open(p)
	if err != nil {
		return err
	}
	report, err := c.write(ctx, p, out)
	if err != nil {
		return err
	}
	for _, warning := range warnings(report) {
		_, _ = fmt.Fprintln(p.stderr, "warning: "+printable(warning))
	}
	if c.Format != formatTable {
		_, _ = fmt.Fprintln(p.stderr, closingLine(report))
	}
	return nil
}

// validate chooses the format and rejects flags that contradict each other.
func (c *listCommand) validate(p *program) error {
	if c.Rows < 0 {
		return &usageError{"--rows is 0 for all, or a number of rows"}
	}
	_, onTerminal := terminalWidth(p.stdout)
	if c.Format == formatAuto {
		var err error
		if c.Format, err = defaultFormat(c.Output, onTerminal); err != nil {
			return err
		}
	}
	switch {
	case c.Format == formatTable && c.Output != "":
		return &usageError{"--format table is for reading, not for a file; with --output use ndjson, csv, csv=excel, json or xlsx"}
	case c.Format == formatXLSX && c.Output == "" && onTerminal:
		return &usageError{"--format xlsx is a file for a spreadsheet, not for a terminal; name it: --output users.xlsx"}
	}
	return nil
}

const (
	formatAuto   = "auto"
	formatTable  = "table"
	formatNDJSON = "ndjson"
	formatCSV    = "csv"
	formatExcel  = "csv=excel"
	formatJSON   = "json"
	formatXLSX   = "xlsx"
)

// defaultFormat follows the destination. An extension that promises what list does
// not write is an error.
func defaultFormat(output string, onTerminal bool) (string, error) {
	if output == "" && onTerminal {
		return formatTable, nil
	}
	switch extension := strings.ToLower(strings.TrimPrefix(filepath.Ext(output), ".")); extension {
	case formatCSV, formatJSON, formatXLSX:
		return extension, nil
	case "xls", "xlsm", "xlsb", "ods", "numbers", "tsv", "parquet", "gz", "zst", "zip":
		return "", &usageError{"list writes no ." + extension + "; name a file .xlsx, .csv, .json or .ndjson, or say --format (snapshot writes compressed files and Parquet)"}
	}
	return formatNDJSON, nil
}

// open makes the output, and fails early if the destination cannot be written.
func (c *listCommand) open(p *program) (output, error) {
	if c.Output != "" {
		return newFileOutput(c.Output, c.Format)
	}
	switch c.Format {
	case formatTable:
		width, onTerminal := terminalWidth(p.stdout)
		bold := p.isColoured(onTerminal)
		return newTable(p.out(), c.Rows, width, bold), nil
	case formatCSV, formatExcel, formatXLSX:
		return newSpooledOutput(p.out(), c.Format)
	case formatJSON:
		return jsonOutput{format.NewJSON(p.out())}, nil
	}
	return ndjsonOutput{format.NewNDJSON(p.out())}, nil
}

// write reads the list into out and completes it, or aborts it. A panic is an error
// like any other.
func (c *listCommand) write(ctx context.Context, p *program, out output) (report list.Report, err error) {
	defer func() {
		if err != nil {
			out.Abort(err)
		}
	}()
	defer crash.Recover(&err)
	report, err = c.read(ctx, p, out)
	if err != nil {
		return report, orStopped(ctx, err)
	}
	return report, out.Complete(report)
}

// read reads the list into out.
func (c *listCommand) read(ctx context.Context, p *program, out output) (list.Report, error) {
	console, log := p.console()
	t, err := p.connect(ctx, c.tenantFlags, c.overrides(), console, log)
	if err != nil {
		return list.Report{}, err
	}
	defer t.close()
	identity, err := t.Credential.Identity(ctx)
	if err != nil {
		return list.Report{}, fmt.Errorf("read credentials: %w", err)
	}
	columns := make([]string, len(t.config.Select))
	for i, column := range t.config.Select {
		columns[i] = column.Name
	}
	err = out.begin(columns, c.Select != "" || strings.TrimSpace(lookup(p.environ, "ROLLCALL_SELECT")) != "")
	if err != nil {
		return list.Report{}, err
	}
	bar := p.newProgress(console)
	defer bar.end()
	listing := list.New(countedClient{t.Graph, bar}, t.Request, log)
	for user, err := range listing.Users(ctx) {
		if err != nil {
			return list.Report{}, &tenantError{who: identity.String(), err: err}
		}
		if err = c.fits(listing.CountBefore()); err == nil {
			err = out.User(user.Raw)
		}
		if err != nil {
			return list.Report{}, err
		}
		bar.step()
	}
	return listing.Report(), nil
}

// fits finds out by Graph's count, before users are read in vain, whether the format has
// room for so many.
func (c *listCommand) fits(expected *int) error {
	if c.Format != formatXLSX || expected == nil {
		return nil
	}
	return xlsx.Fits(*expected)
}

// warnings are what a person should know about a complete list.
func warnings(r list.Report) []string {
	all := r.Warnings
	if len(r.MissingColumns) > 0 {
		all = append([]string{"Graph refused optional columns, which are missing: " + strings.Join(r.MissingColumns, ", ")}, all...)
	}
	return all
}

// closingLine says that a list is complete, and how that is known.
func closingLine(r list.Report) string {
	if r.VerifiedBy == list.BySecondReading {
		return fmt.Sprintf("%d users, complete (verified by a second reading; $count differs by %+d)", r.Users, r.Difference)
	}
	if r.Verified {
		return fmt.Sprintf("%d users, complete (verified against $count)", r.Users)
	}
	reason := "Graph does not count this tenant's users"
	if r.Expected != nil {
		reason = fmt.Sprintf("it differs from $count by %+d, which is within ROLLCALL_COUNT_SLACK", r.Difference)
	}
	return fmt.Sprintf("%d users, complete (not verified: %s)", r.Users, reason)
}
