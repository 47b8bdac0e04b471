package format

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// records reads CSV as [CSV] writes it, byte for byte: encoding/csv would turn a carriage
// return and line feed inside of a cell into a line feed.
type records struct {
	in      *bufio.Reader
	columns []string
	names   [][]byte // quoted, with a colon
	typed   []bool   // by column: its values are not texts
	text    []byte   // the cells of the record, one after the other
	ends    []int    // of each cell in text
	n       int
	user    []byte
}

func newRecords(in *bufio.Reader, columns []string) (*records, error) {
	r := &records{in: in, columns: columns}
	for _, name := range columns {
		typeName, _ := property.ColumnType(name)
		r.names, r.typed = append(r.names, append(appendString(nil, name), ':')), append(r.typed, !isText(typeName))
	}
	err := r.read()
	if errors.Is(err, io.EOF) {
		err = errors.New("it has no header")
	}
	if err != nil {
		return nil, err
	}
	var header []string
	for i := range r.ends {
		header = append(header, string(r.cell(i)))
	}
	if !slices.Equal(header, columns) {
		return nil, errors.New("its header has other columns")
	}
	return r, nil
}

func (r *records) cell(i int) []byte {
	from := 0
	if i > 0 {
		from = r.ends[i-1]
	}
	return r.text[from:r.ends[i]]
}

// User makes a JSON object of the next record.
func (r *records) User() ([]byte, error) {
	if err := r.read(); err != nil {
		return nil, err
	}
	if len(r.ends) != len(r.columns) {
		return nil, fmt.Errorf("record %d has %d cells, and there are %d columns", r.n, len(r.ends), len(r.columns))
	}
	r.user = append(r.user[:0], '{')
	for i, name := range r.columns {
		cell := r.cell(i)
		if len(cell) == 0 {
			continue
		}
		if len(r.user) > 1 {
			r.user = append(r.user, ',')
		}
		r.user = appendTyped(append(r.user, r.names[i]...), name, r.typed[i], cell)
	}
	r.user = append(r.user, '}')
	return r.user, nil
}

// appendTyped appends the JSON value that a cell was written from, of a column whose values
// are typed, or else texts.
func appendTyped(dst []byte, column string, typed bool, cell []byte) []byte {
	value := jsontext.Value(cell)
	typed = typed && value.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) && value.Kind() != '"'
	switch {
	case column == property.Manager && !(typed && value.Kind() == '{' && graph.Member(value, "id") == nil):
		return append(appendString(append(dst, `{"id":`...), string(cell)), '}')
	case typed:
		return append(dst, cell...)
	}
	return appendString(dst, string(cell))
}

// isText reports whether the values of a type are strings, or may be.
func isText(typeName string) bool {
	return typeName != "Edm.Boolean" && typeName != "Edm.Int32" && !strings.HasPrefix(typeName, "Collection(") && !strings.HasPrefix(typeName, "graph.")
}

// read reads the cells of a record. The error is io.EOF where there is none left.
func (r *records) read() error {
	r.text, r.ends = r.text[:0], r.ends[:0]
	r.n++
	for {
		end, err := r.field()
		switch {
		case errors.Is(err, io.EOF) && len(r.text)+len(r.ends) == 0:
			return io.EOF
		case errors.Is(err, io.EOF):
			return fmt.Errorf("record %d is cut off", r.n)
		case err != nil:
			return err
		}
		r.ends = append(r.ends, len(r.text))
		if end == '\n' {
			return nil
		}
		if len(r.ends) > len(r.columns) {
			return fmt.Errorf("record %d has more cells than there are columns", r.n)
		}
	}
}

// field reads a cell and returns what ends it: a comma or a line feed.
func (r *records) field() (end byte, err error) {
	for first := true; ; first = false {
		b, err := r.in.ReadByte()
		switch {
		case err != nil:
			return 0, orCut(err)
		case b == '"' && first:
			return r.quoted()
		case b == ',', b == '\n':
			return b, nil
		case b == '"', b == '\r':
			return 0, fmt.Errorf("record %d has a cell that lacks quotes", r.n)
		}
		if err := r.add(b); err != nil {
			return 0, err
		}
	}
}

// quoted reads a cell from after its first quote.
func (r *records) quoted() (end byte, err error) {
	for {
		b, err := r.in.ReadByte()
		if err == nil && b == '"' {
			if b, err = r.in.ReadByte(); err == nil && b != '"' {
				if b != ',' && b != '\n' {
					return 0, fmt.Errorf("record %d has a cell that goes on after its last quote", r.n)
				}
				return b, nil
			}
		}
		if errors.Is(err, io.EOF) { // nothing of it may have been added yet
			return 0, fmt.Errorf("record %d is cut off", r.n)
		}
		if err != nil {
			return 0, unreadable(err)
		}
		if err := r.add(b); err != nil {
			return 0, err
		}
	}
}

func (r *records) add(b byte) error {
	if len(r.text) >= maxRecord {
		return fmt.Errorf("record %d is longer than %d MiB", r.n, maxRecord>>20)
	}
	r.text = append(r.text, b)
	return nil
}

// orCut leaves the end of the object as it is.
func orCut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.EOF
	}
	return unreadable(err)
}
