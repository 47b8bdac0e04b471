package format

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CSV writes a header and one record per user, as in RFC 4180 and encoding/csv:
// UTF-8 without a byte order mark (but see [CSV.ForSpreadsheets]), a comma between fields, quotes around fields
// that need them, doubled inside.
//
// Records end with a line feed only. Every CSV reader accepts that, whereas a
// carriage return ends up in the last column in line-based tools and in SQL tables
// over the file. Fields are written as they are, including line ends, control
// characters and a leading = + - @.
//
// Unlike encoding/csv it takes bytes, so nothing is allocated, and writes a record
// of one empty field as "" instead of an empty line, which readers skip: a user
// would be lost.
type CSV struct {
	w       *bufio.Writer
	columns []string
	cells   *Cells
	users   int
	headed  bool
	sheet   bool // for spreadsheets
}

// NewCSV returns a CSV of the columns, in this order, that writes to w.
func NewCSV(w io.Writer, columns []string) *CSV {
	return &CSV{w: bufio.NewWriterSize(w, bufferSize), columns: columns, cells: NewCells(columns)}
}

// ForSpreadsheets writes what a spreadsheet opens as text and runs nothing of. The
// file starts with a byte order mark, without which Excel takes UTF-8 for the
// encoding of its country, and cells that start with = + - @, a tab or a line end
// are prefixed with an apostrophe (OWASP, CSV injection). The data is then no longer
// exactly what Graph sent. Call it before the first user.
func (c *CSV) ForSpreadsheets() { c.sheet = true }

// User writes a user's record, and the header before the first one. raw is the
// user's JSON object and is not kept. See [Cells] for how values become text.
func (c *CSV) User(raw []byte) error {
	if err := c.cells.Read(raw); err != nil {
		return fmt.Errorf("write CSV: %w", err)
	}
	c.head()
	c.users++
	for i := range c.cells.Len() {
		if i > 0 {
			_ = c.w.WriteByte(',') // bufio keeps the error for the next call
		}
		cell := c.cells.Cell(i)
		if c.sheet && startsFormula(cell) {
			cell = append([]byte{'\''}, cell...)
		}
		c.field(cell)
	}
	return c.w.WriteByte('\n')
}

// Users returns the number of users written.
func (c *CSV) Users() int { return c.users }

// Flush writes everything so far, at least the header, to the underlying writer.
func (c *CSV) Flush() error {
	c.head()
	return c.w.Flush()
}

// Complete ends the table. CSV has no closing record; see [Spool].
func (c *CSV) Complete() error { return c.Flush() }

func (c *CSV) head() {
	if c.headed {
		return
	}
	c.headed = true
	if c.sheet {
		_, _ = c.w.WriteString("\ufeff")
	}
	for i, name := range c.columns {
		if i > 0 {
			_ = c.w.WriteByte(',')
		}
		c.field([]byte(name))
	}
	_ = c.w.WriteByte('\n')
}

func (c *CSV) field(text []byte) {
	if !needsQuotes(text) && (len(text) > 0 || len(c.columns) > 1) {
		_, _ = c.w.Write(text)
		return
	}
	_ = c.w.WriteByte('"')
	for {
		quote := bytes.IndexByte(text, '"')
		if quote < 0 {
			break
		}
		_, _ = c.w.Write(text[:quote+1])
		_ = c.w.WriteByte('"')
		text = text[quote+1:]
	}
	_, _ = c.w.Write(text)
	_ = c.w.WriteByte('"')
}

// startsFormula includes the full-width signs, which some spreadsheets treat like
// the plain ones.
func startsFormula(cell []byte) bool {
	first, _ := utf8.DecodeRune(cell)
	return len(cell) > 0 && strings.ContainsRune("=+-@\t\r\n＝＋－＠", first)
}

// needsQuotes follows encoding/csv: fields for which RFC 4180 requires it, those
// with leading white space, which some readers trim, and \., which ends the data of
// PostgreSQL's COPY.
func needsQuotes(text []byte) bool {
	if len(text) == 0 {
		return false
	}
	if string(text) == `\.` {
		return true
	}
	for _, b := range text {
		if b == ',' || b == '"' || b == '\n' || b == '\r' {
			return true
		}
	}
	first, _ := utf8.DecodeRune(text)
	return unicode.IsSpace(first)
}
