package format

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// Cells reads the text of each selected column from a user, without reflection
// and, once its buffers have grown, without allocating.
//
//	null, absent     empty
//	string           decoded; half of a surrogate pair becomes U+FFFD
//	number, boolean  as Graph wrote it
//	array, object    compact JSON
//	manager          the manager's id
//
// Of a duplicate member the last one counts, as in encoding/json. Members that are
// not columns (annotations) are skipped.
type Cells struct {
	user, inner document
	index       map[string]int // from column names to cells
	columns     []int          // from columns to cells
	cells       []cell
	manager     int    // the cell of the manager, -1 if it is not selected
	text        []byte // of all cells of the current user
	name        []byte
}

// cell is the part of [Cells.text] that belongs to a column, and the kind of its value.
type cell struct {
	from, to int
	kind     jsontext.Kind
}

// NewCells returns a Cells for the columns, in their order.
func NewCells(columns []string) *Cells {
	c := &Cells{index: make(map[string]int, len(columns)), manager: -1}
	for _, name := range columns {
		at, twice := c.index[name]
		if !twice {
			at = len(c.cells)
			c.cells = append(c.cells, cell{})
			c.index[name] = at
		}
		c.columns = append(c.columns, at)
		if name == property.Manager {
			c.manager = at
		}
	}
	return c
}

// document is a decoder of one JSON value.
type document struct {
	jsontext.Decoder
	input bytes.Reader
}

func (d *document) open(raw []byte) {
	d.input.Reset(raw)
	// Lenient, so that a name cut within a surrogate pair does not fail the list.
	d.Reset(&d.input, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// Read reads the cells of a user from its JSON object. Errors never quote the user;
// after one the cells must not be used.
func (c *Cells) Read(raw []byte) error {
	clear(c.cells)
	c.text = c.text[:0]
	d := &c.user
	d.open(raw)
	if d.PeekKind() != '{' {
		return errNotObject
	}
	if _, err := d.ReadToken(); err != nil {
		return c.malformed()
	}
	for d.PeekKind() == '"' {
		if err := c.member(); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return c.malformed()
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return c.malformed()
	}
	return nil
}

// Len returns the number of columns.
func (c *Cells) Len() int { return len(c.columns) }

// Cell returns the text of column i of the last user. It is valid until the next
// Read and may contain any character.
func (c *Cells) Cell(i int) []byte {
	at := c.cells[c.columns[i]]
	return c.text[at.from:at.to]
}

// Kind returns the kind of column i's value as package jsontext names it: '"', '0',
// 't', 'f', '{', '[' or 'n', and 0 if the last user has no such member.
func (c *Cells) Kind(i int) byte { return byte(c.cells[c.columns[i]].kind) }

var errNotObject = errors.New("a user is not a JSON object")

func (c *Cells) malformed() error {
	return fmt.Errorf("a user is not valid JSON at byte %d", c.user.InputOffset())
}

func (c *Cells) member() error {
	quoted, err := c.user.ReadValue()
	if err != nil {
		return c.malformed()
	}
	name := []byte(quoted[1 : len(quoted)-1])
	if bytes.IndexByte(name, '\\') >= 0 {
		c.name = unquote(c.name[:0], quoted)
		name = c.name
	}
	at, ok := c.index[string(name)]
	if !ok {
		if c.user.SkipValue() != nil {
			return c.malformed()
		}
		return nil
	}
	value, err := c.user.ReadValue()
	if err != nil {
		return c.malformed()
	}
	if at == c.manager && value.Kind() == '{' {
		value = c.idOf(value)
	}
	from := len(c.text)
	c.text = appendCell(c.text, value)
	c.cells[at] = cell{from, len(c.text), value.Kind()}
	return nil
}

// idOf returns the id of the object that $expand=manager($select=id) returns, or
// the object itself if it has none, so that nothing is lost silently.
func (c *Cells) idOf(object jsontext.Value) jsontext.Value {
	d := &c.inner
	d.open(object)
	if _, err := d.ReadToken(); err != nil {
		return object
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadValue()
		if err != nil {
			return object
		}
		isID := string(name) == `"id"`
		value, err := d.ReadValue()
		if err != nil {
			return object
		}
		if isID {
			return value
		}
	}
	return object
}

// appendCell appends the text of a valid JSON value.
func appendCell(dst []byte, value jsontext.Value) []byte {
	switch value.Kind() {
	case 'n':
		return dst
	case '"':
		return unquote(dst, value)
	case '{', '[':
		from := len(dst)
		dst = append(dst, value...)
		compact := jsontext.Value(dst[from:])
		// The value is valid, so Compact cannot fail.
		_ = compact.Compact(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		return dst[:from+len(compact)]
	default:
		return append(dst, value...)
	}
}

// unquote appends the decoded text of a valid JSON string.
func unquote(dst []byte, quoted jsontext.Value) []byte {
	dst, _ = jsontext.AppendUnquote(dst, quoted) // the only possible error is invalid UTF-8
	return dst
}
