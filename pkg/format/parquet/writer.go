package parquet

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
)

// Compression is how the pages of a file are compressed.
type Compression string

// The compressions that all common readers support.
const (
	Zstd   Compression = "zstd" // the default
	Gzip   Compression = "gzip"
	Snappy Compression = "snappy"
	None   Compression = "none"
)

// Options of a file. The zero value is ready to use.
type Options struct {
	// Compression is Zstd by default.
	Compression Compression
	// RowGroup is how many bytes are buffered before they are written as a row
	// group. It is most of a Writer's memory. Default: 16 MiB.
	RowGroup int64
	// Version is Rollcall's version, for created_by and the metadata of the file.
	Version string
}

const (
	// batchUsers is how many users are written to the columns at once, which is much
	// faster than one by one.
	batchUsers = 64
	// pageBytes is the size of a page before it is encoded. Each column has one.
	pageBytes = 64 << 10
	// dictionaryBytes is how large the dictionary of a column may grow in a row group.
	dictionaryBytes = 256 << 10
	defaultRowGroup = 16 << 20
)

// Writer writes a file. It keeps the first error and returns it from every later
// call. It is not safe for concurrent use.
type Writer struct {
	out      *counter
	file     *parquet.GenericWriter[any]
	columns  []*parquet.ColumnWriter
	shredder *shredder
	valid    []jsontext.Options
	rowGroup int64
	flushed  int64 // size after the last row group
	size     int64
	users    int
	err      error
}

// New returns a Writer of the columns, in this order, to w. The columns are those
// of a select: properties, manager, extensions. Nothing is written yet. The metadata
// of the file has rollcall.version and rollcall.select.
func New(w io.Writer, columns []string, o Options) (*Writer, error) {
	root, err := newTree(columns)
	if err != nil {
		return nil, err
	}
	codec, err := codecOf(o.Compression)
	if err != nil {
		return nil, err
	}
	out := &counter{w: w}
	file := parquet.NewGenericWriter[any](out, schemaOf(root), &parquet.WriterConfig{
		CreatedBy:          strings.TrimSpace("rollcall version " + o.Version),
		Compression:        codec,
		PageBufferSize:     pageBytes,
		DataPageVersion:    1,
		DictionaryMaxBytes: dictionaryBytes,
		KeyValueMetadata:   map[string]string{"rollcall.version": o.Version, "rollcall.select": strings.Join(columns, ",")},
	}, parquet.DataPageStatistics(false)) // the page index has them
	p := &Writer{
		out:      out,
		file:     file,
		columns:  file.ColumnWriters(),
		shredder: newShredder(root),
		valid:    []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)},
		rowGroup: o.RowGroup,
	}
	if p.rowGroup <= 0 {
		p.rowGroup = defaultRowGroup
	}
	return p, nil
}

func codecOf(c Compression) (compress.Codec, error) {
	switch c {
	case Zstd, "":
		return &parquet.Zstd, nil
	case Gzip:
		return &parquet.Gzip, nil
	case Snappy:
		return &parquet.Snappy, nil
	case None:
		return &parquet.Uncompressed, nil
	default:
		return nil, fmt.Errorf("write Parquet: compression %q is unknown: it is zstd, gzip, snappy or none", string(c))
	}
}

// User adds a user; raw is its JSON object and is not kept. The error is a
// *[KindError], that of the underlying writer, or says that raw is not a user; it
// never quotes the user. The file is then unusable.
func (p *Writer) User(raw []byte) error {
	if p.err == nil {
		p.err = p.append(raw)
	}
	return p.err
}

func (p *Writer) append(raw []byte) error {
	value := jsontext.Value(raw)
	if !value.IsValid(p.valid...) {
		return errMalformed
	}
	if value.Kind() != '{' {
		return errNotUser
	}
	if err := p.shredder.user(raw[space(raw, 0):]); err != nil {
		return err
	}
	p.users++
	if p.users%batchUsers != 0 {
		return nil
	}
	return p.flush()
}

// flush writes the batch to the columns, and the row group if it is full.
func (p *Writer) flush() error {
	for i, values := range p.shredder.values {
		if len(values) == 0 {
			continue
		}
		if _, err := p.columns[i].WriteRowValues(values); err != nil {
			return fmt.Errorf("write Parquet: %w", err)
		}
	}
	p.shredder.clear()
	p.size = p.file.Size()
	if p.size-p.flushed < p.rowGroup {
		return nil
	}
	if err := p.file.Flush(); err != nil {
		return fmt.Errorf("write Parquet: %w", err)
	}
	p.size = p.file.Size()
	p.flushed = p.size
	return nil
}

// Users returns the number of users added.
func (p *Writer) Users() int { return p.users }

// Size returns the approximate size of the file: the bytes already written, and
// those buffered, some of which are not compressed yet. Callers use it to decide
// when to start another file. After Close it is exact.
func (p *Writer) Size() int64 { return p.size }

// Close ends the file; without users it has columns and no rows. It does not close
// the underlying writer. Unless Close returns nil the file has no footer and is not
// a Parquet file.
func (p *Writer) Close() error {
	if p.err != nil {
		return p.err
	}
	p.err = errClosed
	if err := p.flush(); err != nil {
		p.err = err
		return err
	}
	if err := p.file.Close(); err != nil {
		p.err = fmt.Errorf("write Parquet: %w", err)
		return p.err
	}
	p.size = p.out.written
	return nil
}

// counter counts the bytes written through it.
type counter struct {
	w       io.Writer
	written int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.written += int64(n)
	return n, err
}

var (
	errClosed    = errors.New("write Parquet: the file is already closed")
	errNotUser   = errors.New("write Parquet: a user is not a JSON object")
	errMalformed = errors.New("write Parquet: a user is not valid JSON")
	errNoID      = errors.New("write Parquet: a user has no id")
)

// KindError is a value of a kind that does not fit the column of its property. It
// names the property and never the value.
type KindError struct {
	// Property is the name of the property, in a complex type with that of the
	// member: assignedPlans.assignedDateTime.
	Property string
	// Type is the CSDL type of the property.
	Type string
	// Kind is the kind of the value: string, number, boolean, object or array.
	Kind string
}

// Error implements error.
func (e *KindError) Error() string {
	return fmt.Sprintf("write Parquet: Graph sent a %s as %s, which is %s in its metadata: remove the property from the select, or write NDJSON, which accepts anything",
		e.Kind, e.Property, e.Type)
}

// kindOf returns the kind of a valid JSON value.
func kindOf(value []byte) string {
	switch value[0] {
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case '{':
		return "object"
	case '[':
		return "array"
	case 'n':
		return "null"
	default:
		return "number"
	}
}
