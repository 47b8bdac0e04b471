package parquet

import (
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
)

// Compression is how a file's pages are compressed.
type Compression string

// The compressions that every reader of note knows.
const (
	Zstd   Compression = "zstd" // the default
	Gzip   Compression = "gzip"
	Snappy Compression = "snappy"
	None   Compression = "none"
)

// Options say how a file is written. The zero value is good.
type Options struct {
	// Compression is Zstd when it is empty.
	Compression Compression
	// RowGroup is how many bytes may wait in memory before they are written as a
	// row group. It is the better part of what a Writer holds. Default: 16 MiB.
	RowGroup int64
	// Version is Rollcall's own, for the file's created_by and its metadata.
	Version string
}

const (
	// batchUsers are written to the columns at once, which is a good deal faster
	// than user by user.
	batchUsers = 64
	// pageBytes is a page before it is encoded, a buffer of each column.
	pageBytes = 64 << 10
	// dictionaryBytes is how large a column's dictionary may grow in a row group.
	dictionaryBytes = 256 << 10
	defaultRowGroup = 16 << 20
)

// Writer writes one file. It keeps the first error and returns it from every
// later call. It is not safe for concurrent use.
type Writer struct {
	out      *counter
	file     *parquet.GenericWriter[any]
	columns  []*parquet.ColumnWriter
	shredder *shredder
	valid    []jsontext.Options
	rowGroup int64
	flushed  int64 // the file's size when the last row group was flushed
	size     int64
	users    int
	err      error
}

// New returns a Writer of the columns, in their order, to w. The columns are
// those of a select: properties of the table, manager, extensions. It writes
// nothing yet. The file's metadata has rollcall.version and rollcall.select.
func New(w io.Writer, columns []string, o Options) (*Writer, error) {
	root, err := grow(columns)
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

// User adds a user; raw is its JSON object and is not kept. An error is a *[KindError], that
// of the writer below, or says that this is no user; it quotes nothing of the
// user. The file is then of no use.
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

// flush writes the batch to the columns, and the row group when it is full.
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

// Users returns how many users were appended.
func (p *Writer) Users() int { return p.users }

// Size returns about how large the file is: what was handed to the writer below,
// exactly, and what waits in memory, part of which is yet to be compressed. A
// caller closes the file and starts another when this is large enough. After
// Close it is the file's size.
func (p *Writer) Size() int64 { return p.size }

// Close ends the file; without users it has its columns and no rows. It does not
// close the writer below. A file that was not closed without an error is no
// Parquet file: its footer is missing.
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

// counter counts what the writer below has taken.
type counter struct {
	w       io.Writer
	written int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.written += int64(n)
	return n, err
}
