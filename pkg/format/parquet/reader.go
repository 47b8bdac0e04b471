package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/parquet-go/parquet-go"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// maxFooter bounds the metadata of a file, in bytes: far more than that of a file of the
// largest size that is written.
const maxFooter = 64 << 20

// Reader reads the users of a file as [Writer] writes them. It keeps a few pages of each
// column in memory.
type Reader struct {
	columns []node
	groups  []parquet.RowGroup
	rows    parquet.Rows
	buffer  [batchUsers]parquet.Row
	have    int
	next    int
	leaves  [][]parquet.Value
	user    []byte
}

// NewReader opens a file of that size, which must have exactly these columns. What a file
// says of itself is checked before memory is taken for it.
func NewReader(r io.ReaderAt, size int64, columns []string) (*Reader, error) {
	if err := checkFooter(r, size); err != nil {
		return nil, err
	}
	file, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, fmt.Errorf("it is not a Parquet file: %w", err)
	}
	p := &Reader{groups: file.RowGroups()}
	var names []string
	leaves := 0
	for _, f := range file.Schema().Fields() {
		names = append(names, f.Name())
		n, err := stored(f, f.Name(), f.Name(), 0, 0, &leaves)
		if err != nil {
			return nil, err
		}
		p.columns = append(p.columns, n)
	}
	if !slices.Equal(names, append(slices.Clone(columns), property.AdditionalData)) {
		return nil, errors.New("its schema has other columns")
	}
	p.leaves = make([][]parquet.Value, leaves)
	return p, checkPages(r, size, file)
}

// checkFooter finds out whether a file ends as a Parquet file does, with metadata of a size
// that can be read.
func checkFooter(r io.ReaderAt, size int64) error {
	var tail [8]byte
	if size < 12 {
		return errors.New("it is not a Parquet file: it is too short")
	}
	if _, err := r.ReadAt(tail[:], size-8); err != nil {
		return err
	}
	footer := int64(binary.LittleEndian.Uint32(tail[:4]))
	switch {
	case string(tail[4:]) != "PAR1":
		return errors.New("it is not a Parquet file: its end is not one")
	case footer > size-12 || footer > maxFooter:
		return errors.New("it is not a Parquet file: its metadata cannot be of the size that it says")
	}
	return nil
}

// User returns the next user's JSON object, valid until the next call. At the end the error
// is io.EOF. Values that a typed column cannot hold come from additionalData, members of
// structures that are null are left out, and instants are in UTC.
func (p *Reader) User() ([]byte, error) {
	for p.next == p.have {
		if err := p.fill(); err != nil {
			return nil, err
		}
	}
	row := p.buffer[p.next]
	p.next++
	for i := range p.leaves {
		p.leaves[i] = p.leaves[i][:0]
	}
	for _, v := range row {
		if c := v.Column(); c >= 0 && c < len(p.leaves) {
			p.leaves[c] = append(p.leaves[c], v)
		}
	}
	return p.object()
}

// fill reads the next batch of rows.
func (p *Reader) fill() error {
	p.have, p.next = 0, 0
	if p.rows == nil {
		if len(p.groups) == 0 {
			return io.EOF
		}
		p.rows, p.groups = p.groups[0].Rows(), p.groups[1:]
	}
	n, err := p.rows.ReadRows(p.buffer[:])
	p.have = n
	switch {
	case errors.Is(err, io.EOF):
		err = p.rows.Close()
		p.rows = nil
	case err == nil && n == 0:
		err = io.ErrNoProgress
	}
	if err != nil {
		return fmt.Errorf("it cannot be read: %w", err)
	}
	return nil
}

// object makes a JSON object of the leaves.
func (p *Reader) object() ([]byte, error) {
	last := len(p.columns) - 1
	additional := []byte("{}")
	for _, values := range p.leaves {
		if len(values) == 0 {
			return nil, errors.New("a row lacks a column")
		}
	}
	if v := p.leaves[p.columns[last].first][0]; !v.IsNull() {
		additional = v.ByteArray()
		if value := jsontext.Value(additional); !value.IsValid(jsontext.AllowDuplicateNames(true)) || value.Kind() != '{' {
			return nil, errors.New("additionalData is not a JSON object")
		}
	}
	p.user = append(p.user[:0], '{')
	for i := range p.columns[:last] {
		c := &p.columns[i]
		value := graph.Member(additional, c.name)
		before := len(p.user)
		if before > 1 {
			p.user = append(p.user, ',')
		}
		p.user, _ = jsontext.AppendQuote(p.user, c.name)
		p.user = append(p.user, ':')
		if value != nil {
			p.user = append(p.user, value...)
			continue
		}
		var some bool
		var err error
		if p.user, some, err = c.append(p.user, p.leaves[c.first:c.end]); err != nil {
			return nil, err
		}
		if !some {
			p.user = p.user[:before]
		}
	}
	p.user = append(p.user, '}')
	return p.user, nil
}
