package spreadsheets_test

import (
	"encoding/xml"
	"os"
	"strconv"
	"strings"
	"testing"
)

// readFODS reads the sheets of a flat OpenDocument spreadsheet, by their names.
func readFODS(t *testing.T, path string) map[string][][]cell {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var document struct {
		Sheets []struct {
			Name string `xml:"name,attr"`
			Head []row  `xml:"table-header-rows>table-row"`
			Rows []row  `xml:"table-row"`
		} `xml:"body>spreadsheet>table"`
	}
	if err := xml.NewDecoder(file).Decode(&document); err != nil {
		t.Fatal(err)
	}
	sheets := map[string][][]cell{}
	for _, s := range document.Sheets {
		for _, r := range append(s.Head, s.Rows...) {
			if cells := r.cells(t); len(cells) > 0 {
				sheets[s.Name] = append(sheets[s.Name], cells)
			}
		}
	}
	return sheets
}

type row struct {
	Cells []struct {
		Type    string      `xml:"value-type,attr"`
		Value   string      `xml:"value,attr"`
		Date    string      `xml:"date-value,attr"`
		Boolean string      `xml:"boolean-value,attr"`
		Formula string      `xml:"formula,attr"`
		Repeat  int         `xml:"number-columns-repeated,attr"`
		Lines   []paragraph `xml:"p"`
	} `xml:"table-cell"`
}

// cells returns the cells up to the last one that is not empty. A formula other than
// that by which LibreOffice keeps booleans fails the test.
func (r row) cells(t *testing.T) (cells []cell) {
	t.Helper()
	for _, c := range r.Cells {
		found := cell{c.Type, ""}
		switch c.Type {
		case "string":
			var lines []string
			for _, line := range c.Lines {
				lines = append(lines, string(line))
			}
			found.value = strings.Join(lines, "\n")
		case "date":
			found.value = c.Date
		case "boolean":
			found.value = c.Boolean
		case "float":
			found.value = c.Value
		}
		if c.Formula != "" && c.Formula != "of:="+strings.ToUpper(c.Boolean)+"()" {
			t.Errorf("a cell is the formula %q", c.Formula)
		}
		for range max(c.Repeat, 1) {
			if cells = append(cells, found); len(cells) > 200 {
				break // the rest of the sheet
			}
		}
	}
	for len(cells) > 0 && cells[len(cells)-1] == (cell{}) {
		cells = cells[:len(cells)-1]
	}
	return cells
}

// paragraph is a line of text, in which white space has elements of its own.
type paragraph string

// UnmarshalXML reads the text of a paragraph.
func (p *paragraph) UnmarshalXML(d *xml.Decoder, _ xml.StartElement) error {
	var b strings.Builder
	for depth := 1; depth > 0; {
		token, err := d.Token()
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.CharData:
			b.Write(token)
		case xml.EndElement:
			depth--
		case xml.StartElement:
			depth++
			switch token.Name.Local {
			case "s":
				b.WriteString(strings.Repeat(" ", count(token)))
			case "tab":
				b.WriteByte('\t')
			case "line-break":
				b.WriteByte('\n')
			}
		}
	}
	*p = paragraph(b.String())
	return nil
}

// count is how many spaces an element stands for.
func count(element xml.StartElement) int {
	for _, attribute := range element.Attr {
		if n, err := strconv.Atoi(attribute.Value); err == nil && attribute.Name.Local == "c" {
			return n
		}
	}
	return 1
}
