package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/published"
)

// diffOutput is where changes go. complete or abort ends it.
type diffOutput interface {
	// passes are the kinds that are shown one after the other, or one pass of all, "".
	passes() []published.Kind
	change(c published.Change) error
	complete(n published.Counts) error
	abort()
}

// open chooses the output.
func (c *diffCommand) open(p *program) (diffOutput, error) {
	if c.Rows < 0 {
		return nil, &usageError{"--rows is 0 for all, or a number of rows"}
	}
	width, onTerminal := terminalWidth(p.stdout)
	if c.Format == formatAuto {
		if c.Format = formatNDJSON; onTerminal {
			c.Format = formatTable
		}
	}
	switch c.Format {
	case formatTable:
		bold := p.isColoured(onTerminal)
		t := newTable(p.out(), c.Rows, width, bold)
		t.columns = []string{"change", "user", "column", "before", "after"}
		t.cells = format.NewCells(t.columns)
		return &diffTable{rows{user: t.User}, t}, nil
	case formatNDJSON:
		return &diffLines{bufio.NewWriter(p.out())}, nil
	}
	out, err := newSpooledOutput(p.out(), c.Format)
	if err != nil {
		return nil, err
	}
	return &diffCSV{rows{user: out.User}, out}, out.begin(rowColumns(), true)
}

// rows are one for each value that has changed, and one for each user who joined or left.
type rows struct{ user func(raw []byte) error }

func rowColumns() []string {
	return []string{"change", "id", "userPrincipalName", "displayName", "column", "before", "after"}
}

func (r rows) change(c published.Change) error {
	whole := c.After
	if whole == nil {
		whole = c.Before
	}
	name := published.Member(whole, "userPrincipalName")
	row := []string{string(c.Kind), string(c.ID), name, published.Member(whole, "displayName"), "", "", "", cmp.Or(name, string(c.ID))}
	if len(c.Columns) == 0 {
		return r.row(row)
	}
	for _, column := range c.Columns {
		row[4], row[5], row[6] = column.Name, column.Text(column.Before), column.Text(column.After)
		if err := r.row(row); err != nil {
			return err
		}
	}
	return nil
}

func (r rows) row(cells []string) error {
	raw := []byte{'{'}
	for i, name := range append(rowColumns(), "user") {
		if i > 0 {
			raw = append(raw, ',')
		}
		raw, _ = jsontext.AppendQuote(raw, name)
		raw, _ = jsontext.AppendQuote(append(raw, ':'), cells[i])
	}
	return r.user(append(raw, '}'))
}

// diffTable shows changes to a person.
type diffTable struct {
	rows
	*table
}

func (*diffTable) passes() []published.Kind {
	return []published.Kind{published.Joined, published.Left, published.Changed}
}

func (t *diffTable) complete(published.Counts) error {
	if err := t.rest(); err != nil {
		return err
	}
	return t.w.Flush()
}

func (t *diffTable) abort() { t.Abort(nil) }

// diffCSV has the same rows, once there are all of them.
type diffCSV struct {
	rows
	out *wholeOutput
}

func (*diffCSV) passes() []published.Kind { return []published.Kind{""} }

func (o *diffCSV) complete(published.Counts) error { return o.out.Complete(list.Report{}) }

func (o *diffCSV) abort() { o.out.Abort(nil) }

// diffLines is NDJSON for programs, with a closing record.
type diffLines struct{ w *bufio.Writer }

// diffLine is a user as the change feed has it.
type diffLine struct {
	Type    published.Kind             `json:"type"`
	ID      string                     `json:"id"`
	User    json.RawMessage            `json:"user"`
	Changed []string                   `json:"changed,omitempty"`
	Before  map[string]json.RawMessage `json:"before,omitempty"`
}

func (*diffLines) passes() []published.Kind { return []published.Kind{""} }

func (o *diffLines) change(c published.Change) error {
	line := diffLine{Type: c.Kind, ID: string(c.ID), User: c.After}
	if c.After == nil {
		line.User = c.Before
	}
	for _, column := range c.Columns {
		if line.Before == nil {
			line.Before = map[string]json.RawMessage{}
		}
		line.Changed, line.Before[column.Name] = append(line.Changed, column.Name), json.RawMessage(column.Before)
		if column.Before == nil {
			line.Before[column.Name] = json.RawMessage("null")
		}
	}
	return o.line(line)
}

func (o *diffLines) complete(n published.Counts) error {
	err := o.line(struct {
		Complete bool `json:"@rollcall.complete"`
		published.Counts
	}{true, n})
	if err != nil {
		return err
	}
	return o.w.Flush()
}

// abort leaves the stream without its closing record.
func (o *diffLines) abort() { _ = o.w.Flush() }

func (o *diffLines) line(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write a change: %w", err)
	}
	_, err = o.w.Write(append(text, '\n'))
	return err
}
