package xlsx

import (
	"strconv"

	"github.com/xuri/excelize/v2"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// column is a column of the sheet.
type column struct {
	name    string
	instant bool
	width   float64 // in characters
}

const (
	widthOfInstants = 25
	widthOfIDs      = 38
	widthOfNames    = 34
	widthOfTexts    = 24
	widthOfRest     = 14
)

func columnsOf(names []string) []column {
	columns := make([]column, len(names))
	for i, name := range names {
		kind, _ := property.ColumnType(name)
		c := column{name: name, instant: property.IsInstant(name), width: widthOfTexts}
		switch {
		case c.instant:
			c.width = widthOfInstants
		case name == "id", name == property.Manager:
			c.width = widthOfIDs
		case name == "userPrincipalName", name == "mail":
			c.width = widthOfNames
		case kind == "Edm.Boolean", kind == "Edm.Int32":
			c.width = widthOfRest
		}
		c.width = max(c.width, float64(len(name)+4)) // with the filter's button
		columns[i] = c
	}
	return columns
}

// styles are the styles of the cells.
type styles struct{ header, text, instant, boolean int }

func newStyles(book *excelize.File) (s styles, err error) {
	if s.header, err = book.NewStyle(&excelize.Style{
		Font: &excelize.Font{Bold: true, Family: "Calibri", Size: 11},
		Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"D9E1F2"}},
	}); err != nil {
		return s, err
	}
	const asText = 49 // "@": what is typed into such a cell stays text, too
	if s.text, err = book.NewStyle(&excelize.Style{NumFmt: asText}); err != nil {
		return s, err
	}
	inUTC := `yyyy-mm-dd hh:mm:ss "UTC"`
	if s.instant, err = book.NewStyle(&excelize.Style{CustomNumFmt: &inUTC, Alignment: &excelize.Alignment{Horizontal: "left"}}); err != nil {
		return s, err
	}
	asWord := `"TRUE";"TRUE";"FALSE"` // for LibreOffice, which shows some booleans as 1
	s.boolean, err = book.NewStyle(&excelize.Style{CustomNumFmt: &asWord, Alignment: &excelize.Alignment{Horizontal: "center"}})
	return s, err
}

// cell returns the value of column i of the current user, nil for an empty cell.
func (x *Writer) cell(i int, c column) any {
	text := x.cells.Cell(i)
	if len(text) == 0 {
		return nil
	}
	switch x.cells.Kind(i) {
	case 't', 'f':
		return excelize.Cell{StyleID: x.styles.boolean, Value: x.cells.Kind(i) == 't'}
	case '0':
		if n, ok := number(string(text)); ok {
			return n
		}
	case '"':
		if c.instant {
			if at, ok := serial(property.ParseInstant(text)); ok {
				return excelize.Cell{StyleID: x.styles.instant, Value: at}
			}
		}
	}
	return excelize.Cell{StyleID: x.styles.text, Value: escape(string(text))}
}

// digits is how many of a number a spreadsheet has.
const digits = 15

// number returns a number that a spreadsheet shows as it is written.
func number(text string) (n float64, ok bool) {
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && len(text) <= digits && strconv.FormatFloat(n, 'f', -1, 64) == text
}

// serial returns the days since the end of 1899 that a spreadsheet has for
// microseconds since 1970. ok is false for instants that it cannot have, or about
// which spreadsheets do not agree: Excel, as Lotus 1-2-3 before it, has a 29th of
// February 1900.
func serial(micros int64, exact, valid bool) (days float64, ok bool) {
	const (
		milli    = 1_000
		day      = 86_400_000 // in milliseconds
		epoch    = 25_569 * day
		march    = 61 * day
		tenThous = 2_958_466 * day // the year 10000
	)
	millis := micros/milli + epoch
	if !valid || !exact || micros%milli != 0 || millis < march || millis >= tenThous {
		return 0, false
	}
	// Rounded here to the digits that a spreadsheet has, as excelize cuts them off.
	days, err := strconv.ParseFloat(strconv.FormatFloat(float64(millis)/day, 'g', digits, 64), 64)
	return days, err == nil
}
