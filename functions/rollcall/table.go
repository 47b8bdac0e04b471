package main

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/list"
)

const (
	// gap is the space between two columns.
	gap = 2
	// widest and narrowest bound a column: a name is told by its first letters.
	widest    = 40
	narrowest = 10
	// sample is how many rows decide the widths when all rows are shown, so that
	// memory does not grow with the tenant.
	sample = 200
)

// table shows users to a person. Rows wait until the list is proven whole, unless
// all of them are to be shown; those are written as they come, without the
// closing line that says so.
type table struct {
	w       *bufio.Writer
	columns []string
	cells   *format.Cells
	limit   int // how many rows to show, 0 for all
	width   int // of the terminal, 0 when there is none
	bold    bool

	held   [][]string
	widths []int // of the columns that fit; nil until the layout is known
	users  int
}

func newTable(w io.Writer, columns []string, limit, width int, bold bool) *table {
	return &table{
		w: bufio.NewWriter(w), columns: columns, cells: format.NewCells(columns),
		limit: limit, width: width, bold: bold,
	}
}

// User takes one more user.
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
		return t.write(row)
	}
	t.held = append(t.held, row)
	if t.limit == 0 && len(t.held) == sample {
		return t.release()
	}
	return nil
}

// Complete writes the rows that waited, and the closing line.
func (t *table) Complete(report list.Report) error {
	if err := t.release(); err != nil {
		return err
	}
	if more := t.users - t.limit; t.limit > 0 && more > 0 {
		_, _ = fmt.Fprintf(t.w, "… and %d more (--format ndjson shows all)\n", more) // bufio keeps the error
	}
	if cut := len(t.columns) - len(t.widths); cut > 0 && t.users > 0 {
		_, _ = fmt.Fprintf(t.w, "… and %d columns that do not fit (--format csv shows all)\n", cut)
	}
	_, _ = fmt.Fprintln(t.w, closingLine(report))
	return t.w.Flush()
}

// Abort leaves the table without its closing line.
func (t *table) Abort(error) { _ = t.w.Flush() }

// release decides the layout by the rows that are held and writes them.
func (t *table) release() error {
	if t.widths != nil || t.users == 0 {
		return nil
	}
	t.layOut()
	header := make([]string, len(t.columns))
	copy(header, t.columns)
	if t.bold {
		_, _ = t.w.WriteString("\x1b[1m")
	}
	t.line(header)
	if t.bold {
		_, _ = t.w.WriteString("\x1b[0m")
	}
	_ = t.w.WriteByte('\n')
	for _, row := range t.held {
		if err := t.write(row); err != nil {
			return err
		}
	}
	t.held = nil
	return nil
}

func (t *table) write(row []string) error {
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

// layOut gives each column the width it needs, up to widest. Where the terminal
// is too narrow the widest columns give way first, and then the last ones go.
func (t *table) layOut() {
	natural := make([]int, len(t.columns))
	for i, name := range t.columns {
		natural[i] = displayWidth(name)
		for _, row := range t.held {
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

// closingLine says that the list is whole, and how that is known.
func closingLine(r list.Report) string {
	if r.Verified {
		return fmt.Sprintf("%d users, complete (verified against $count)", r.Users)
	}
	reason := "Graph does not count this tenant's users"
	if r.Expected != nil {
		reason = fmt.Sprintf("it differs from $count by %+d, which is within ROLLCALL_COUNT_SLACK", r.Difference)
	}
	return fmt.Sprintf("%d users, complete (not verified: %s)", r.Users, reason)
}

// tableColumns chooses what a table shows: the columns that were asked for, or of
// the default selection those that tell people apart.
func tableColumns(selected []string, chosen bool) []string {
	if chosen {
		return selected
	}
	var columns []string
	for _, name := range strings.Fields("displayName userPrincipalName jobTitle department userType accountEnabled") {
		for _, have := range selected {
			if have == name {
				columns = append(columns, name)
			}
		}
	}
	return columns
}
