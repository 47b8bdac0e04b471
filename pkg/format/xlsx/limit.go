package xlsx

import (
	"fmt"
	"unicode/utf8"

	"github.com/rollcall-dev/rollcall/pkg/format"
)

// MaxUsers is how many users fit on a sheet, below its header.
const MaxUsers = 1<<20 - 1

const (
	// maxUnits is how many UTF-16 units a cell holds.
	maxUnits = 32_767
	// maxXML is the size of a sheet that every program opens: beyond it an archive
	// needs sizes of 64 bits.
	maxXML = 1<<32 - 1
)

// LimitError is a list that does not fit into a workbook.
type LimitError struct{ text string }

func (e *LimitError) Error() string { return e.text }

// Name returns the public name.
func (e *LimitError) Name() string { return "Response.TooLarge" }

// Fits returns a *LimitError if so many users do not fit on a sheet.
func Fits(users int) error {
	if users <= MaxUsers {
		return nil
	}
	return &LimitError{fmt.Sprintf("a sheet of a spreadsheet has room for %d users, and there are at least %d: use CSV or Parquet, or a filter", MaxUsers, users)}
}

func tooLong(raw []byte, column string) error {
	id := format.NewCells([]string{"id"})
	if err := id.Read(raw); err != nil {
		return fmt.Errorf("write XLSX: %w", err)
	}
	return &LimitError{fmt.Sprintf("%s of user %q is longer than the %d characters that a cell of a spreadsheet holds: leave out the column, or use CSV or Parquet",
		column, id.Cell(0), maxUnits)}
}

// units returns the length of a text in UTF-16.
func units(text []byte) int {
	n := 0
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		if n++; r > 0xffff {
			n++
		}
	}
	return n
}
