package xlsx

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/rollcall-dev/rollcall/pkg/format"
)

const (
	usersSheet = "users"
	aboutSheet = "About"
)

// Writer writes a workbook. Rows wait in a temporary file that only the current user
// can read, and that loses its name as soon as the system allows it. It is not safe
// for concurrent use.
type Writer struct {
	w       io.Writer
	cells   *format.Cells
	columns []column
	book    *excelize.File
	rows    *excelize.StreamWriter
	styles  styles
	row     []any // of the current user
	users   int
	dir     string // of the temporary file
	unnamed bool   // the file has lost its name
}

// New returns a Writer of a workbook with the columns, in their order. The workbook
// is written to w by [Writer.Complete] and by nothing before it.
func New(w io.Writer, columns []string) (*Writer, error) {
	dir, err := os.MkdirTemp("", "rollcall-*.xlsx") // mode 0700
	if err != nil {
		return nil, spoolError(err)
	}
	x := &Writer{
		w: w, dir: dir, cells: format.NewCells(columns), columns: columnsOf(columns), row: make([]any, len(columns)),
		book: excelize.NewFile(excelize.Options{TmpDir: dir}),
	}
	if err := x.begin(columns); err != nil {
		return nil, errors.Join(fmt.Errorf("write XLSX: %w", err), x.Close())
	}
	return x, nil
}

// begin makes the sheet up to its header.
func (x *Writer) begin(columns []string) (err error) {
	if x.styles, err = newStyles(x.book); err != nil {
		return err
	}
	if err := x.book.SetSheetName("Sheet1", usersSheet); err != nil {
		return err
	}
	// The size is not known yet, and some readers trust a wrong one.
	if err := errors.Join(x.book.SetSheetDimension(usersSheet, ""), x.layOut()); err != nil {
		return err
	}
	if x.rows, err = x.book.NewStreamWriter(usersSheet); err != nil {
		return err
	}
	for i, column := range x.columns {
		if err := x.rows.SetColWidth(i+1, i+1, column.width); err != nil {
			return err
		}
		x.row[i] = excelize.Cell{StyleID: x.styles.header, Value: escape(columns[i])}
	}
	if err := x.rows.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	return x.rows.SetRow("A1", x.row)
}

// layOut has the sheet printed at the width of a page, each with the header.
func (x *Writer) layOut() error {
	yes, landscape, one, unlimited := true, "landscape", 1, 0
	return errors.Join(
		x.book.SetSheetProps(usersSheet, &excelize.SheetPropsOptions{FitToPage: &yes}),
		x.book.SetPageLayout(usersSheet, &excelize.PageLayoutOptions{Orientation: &landscape, FitToWidth: &one, FitToHeight: &unlimited}),
		x.book.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", RefersTo: usersSheet + "!$1:$1", Scope: usersSheet}),
	)
}

// User writes a user's row. raw is the user's JSON object and is not kept. See
// [format.Cells] for how values become text.
func (x *Writer) User(raw []byte) error {
	if err := Fits(x.users + 1); err != nil {
		return err
	}
	if err := x.cells.Read(raw); err != nil {
		return fmt.Errorf("write XLSX: %w", err)
	}
	for i, column := range x.columns {
		if len(x.cells.Cell(i)) > maxUnits && units(x.cells.Cell(i)) > maxUnits {
			return tooLong(raw, column.name)
		}
		x.row[i] = x.cell(i, column)
	}
	at, err := excelize.CoordinatesToCellName(1, x.users+2)
	if err != nil {
		return fmt.Errorf("write XLSX: %w", err)
	}
	x.users++
	if err := x.rows.SetRow(at, x.row); err != nil {
		return spoolError(err)
	}
	return x.hide()
}

// Users returns the number of users written.
func (x *Writer) Users() int { return x.users }

// hide takes the name from the temporary file, once there is one, so that even a
// killed process leaves nothing behind.
func (x *Writer) hide() error {
	if x.unnamed {
		return nil
	}
	files, err := os.ReadDir(x.dir)
	if err != nil {
		return spoolError(err) // the rows would be kept in memory
	}
	for _, file := range files {
		x.unnamed = true
		_ = os.Remove(filepath.Join(x.dir, file.Name())) // Windows keeps the name until Close
		_ = os.Remove(x.dir)
	}
	return nil
}

// Complete ends the workbook and writes it. verified says whether the number of
// users was.
func (x *Writer) Complete(verified bool) error {
	last, err := excelize.CoordinatesToCellName(len(x.columns), x.users+1)
	if err == nil {
		err = x.book.AutoFilter(usersSheet, "A1:"+last, nil)
	}
	if err == nil {
		err = x.rows.Flush()
	}
	if err == nil {
		err = x.about(verified)
	}
	if err != nil {
		return spoolError(err)
	}
	out := &destination{w: x.w}
	x.book.SetZipWriter(func(io.Writer) excelize.ZipWriter { return newArchive(out) })
	if err := x.book.Write(io.Discard); err != nil {
		if out.err != nil {
			return out.err
		}
		return fmt.Errorf("write XLSX: %w", err)
	}
	return nil
}

// about makes the second sheet.
func (x *Writer) about(verified bool) error {
	if _, err := x.book.NewSheet(aboutSheet); err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Second)
	at, _ := serial(now.UnixMicro(), true, true)
	for i, row := range [][2]any{{"users", x.users}, {"complete", true}, {"verified", verified}, {"written", at}} {
		if err := x.book.SetSheetRow(aboutSheet, fmt.Sprintf("A%d", i+1), &[]any{row[0], row[1]}); err != nil {
			return err
		}
	}
	return errors.Join(
		x.book.SetSheetDimension(aboutSheet, ""), // as above
		x.book.SetCellStyle(aboutSheet, "A1", "A4", x.styles.header),
		x.book.SetCellStyle(aboutSheet, "B2", "B3", x.styles.boolean),
		x.book.SetCellStyle(aboutSheet, "B4", "B4", x.styles.instant),
		x.book.SetColWidth(aboutSheet, "A", "B", widthOfInstants),
		x.book.SetDocProps(&excelize.DocProperties{
			Creator: "Rollcall", Title: "Users", Created: now.Format(time.RFC3339), Modified: now.Format(time.RFC3339),
		}),
	)
}

// Close removes the temporary file. A second Close does nothing.
func (x *Writer) Close() error { return errors.Join(x.book.Close(), os.RemoveAll(x.dir)) }

func spoolError(err error) error {
	return fmt.Errorf("spool the workbook until it is complete: %w; set TMPDIR to a folder with free space", err)
}
