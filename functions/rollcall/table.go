package main

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/list"
)

const (
	// gap is the space between two columns.
	gap = 2
	// widest and narrowest bound the width of a column.
	widest    = 40
	narrowest = 10
	// sampleRows is how many rows decide the widths when all rows are shown, so
	// that memory does not grow with the tenant.
	sampleRows = 200
)

// table is an output that shows users to a person. Rows are buffered until the
// list is complete. If all of them are to be shown they are written as they come,
// and only the closing line says that the list is complete.
type table struct {
	w       *bufio.Writer
	columns []string
	cells   *format.Cells
	limit   int // how many rows to show, 0 for all
	width   int // of the terminal, 0 if there is none
	bold    bool

	buffered [][]string
	widths   []int // of the columns that fit; nil until the layout is known
	users    int
}

func newTable(w io.Writer, limit, width int, bold bool) *table {
	return &table{w: bufio.NewWriter(w), limit: limit, width: width, bold: bold}
}

func (t *table) begin(columns []string, chosen bool) error {
	t.columns = tableColumns(columns, chosen)
	t.cells = format.NewCells(t.columns)
	return nil
}

// tableColumns chooses what a table shows: the columns that somebody chose, or of
// the default selection those that identify a person.
func tableColumns(selected []string, chosen bool) []string {
	if chosen {
		return selected
	}
	var columns []string
	for _, name := range strings.Fields("displayName userPrincipalName jobTitle department userType accountEnabled") {
		if slices.Contains(selected, name) {
			columns = append(columns, name)
		}
	}
	return columns
}

// User adds a user.
func (t *table) User(raw []byte) error {
	t.users++
	if t.limit > 0 && t.users > t.limit {
		return nil
	}
	if err := t.cells.Read(raw); err != nil {
		return err
	}
	row := make([]string, t.cells.Len())
	for i := range row {
		row[i] = printable(string(t.cells.Cell(i)))
	}
	if t.widths != nil {
		return t.row(row)
	}
	t.buffered = append(t.buffered, row)
	if t.limit == 0 && len(t.buffered) == sampleRows {
		return t.flush()
	}
	return nil
}

// Complete writes the buffered rows and the closing line.
func (t *table) Complete(report list.Report) error {
	if err := t.rest(); err != nil {
		return err
	}
	_, _ = fmt.Fprintln(t.w, closingLine(report))
	return t.w.Flush()
}

// rest writes the buffered rows, and says what is not shown.
func (t *table) rest() error {
	if err := t.flush(); err != nil {
		return err
	}
	if more := t.users - t.limit; t.limit > 0 && more > 0 {
		_, _ = fmt.Fprintf(t.w, "… and %d more (--format ndjson shows all)\n", more) // bufio keeps the error
	}
	if cut := len(t.columns) - len(t.widths); cut > 0 && t.users > 0 {
		_, _ = fmt.Fprintf(t.w, "… and %d columns that do not fit (--format csv shows all)\n", cut)
	}
	return nil
}

// Abort leaves the table without its closing line.
func (t *table) Abort(error) { _ = t.w.Flush() }

// flush lays the table out by the buffered rows and writes them.
func (t *table) flush() error {
	if t.widths != nil || t.users == 0 {
		return nil
	}
	t.layOut()
	if t.bold {
		_, _ = t.w.WriteString("\x1b[1m")
	}
	t.line(t.columns)
	if t.bold {
		_, _ = t.w.WriteString("\x1b[0m")
	}
	_ = t.w.WriteByte('\n')
	for _, row := range t.buffered {
		if err := t.row(row); err != nil {
			return err
		}
	}
	t.buffered = nil
	return nil
}

func (t *table) row(row []string) error {
	t.line(row)
	return t.w.WriteByte('\n')
}

func (t *table) line(row []string) {
	for i, width := range t.widths {
		text := fit(row[i], width)
		if i < len(t.widths)-1 {
			text = padded(text, width+gap)
		}
		_, _ = t.w.WriteString(text)
	}
}

// layOut gives each column the width it needs, up to widest. If the terminal is
// too narrow, the widest columns shrink first; then the last ones are left out.
func (t *table) layOut() {
	natural := make([]int, len(t.columns))
	for i, name := range t.columns {
		natural[i] = displayWidth(name)
		for _, row := range t.buffered {
			natural[i] = max(natural[i], displayWidth(row[i]))
		}
	}
	for columns := len(natural); columns > 0; columns-- {
		for limit := widest; limit >= narrowest; limit-- {
			t.widths = capped(natural[:columns], limit)
			if t.width == 0 || total(t.widths) <= t.width {
				return
			}
		}
	}
}

func capped(natural []int, limit int) []int {
	widths := make([]int, len(natural))
	for i, n := range natural {
		widths[i] = min(n, limit)
	}
	return widths
}

func total(widths []int) int {
	sum := gap * (len(widths) - 1)
	for _, w := range widths {
		sum += w
	}
	return sum
}
