package format

import (
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// The compressions of stored objects.
const (
	Gzip = "gzip"
	Zstd = "zstd"
	None = "none"
)

// zstdWindow bounds the memory of compression and decompression.
const zstdWindow = 1 << 20

// Object writes users to an object of a store, as NDJSON or CSV, compressed. It has
// no closing record, since stores show only complete objects.
type Object struct {
	rows interface {
		User(raw []byte) error
		Flush() error
	}
	compressor io.WriteCloser // nil without compression
	out        *counter
}

// Suffix is what the name of a file ends with that is compressed so, "" for None, and whether
// there is such a compression.
func Suffix(compression string) (suffix string, known bool) {
	switch compression {
	case Gzip:
		return ".gz", true
	case Zstd:
		return ".zst", true
	case None:
		return "", true
	}
	return "", false
}

// NewObject returns an Object that writes to w. format is ndjson or csv,
// compression one of the constants; columns are those of CSV. Both compressions use
// their fastest level: the list is written once and read a few times.
func NewObject(w io.Writer, format, compression string, columns []string) (*Object, error) {
	o := &Object{out: &counter{w: w}}
	switch compression {
	case Gzip:
		z, err := gzip.NewWriterLevel(o.out, gzip.BestSpeed)
		if err != nil {
			return nil, err
		}
		o.compressor, w = z, z
	case Zstd:
		z, err := zstd.NewWriter(o.out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstdWindow))
		if err != nil {
			return nil, err
		}
		o.compressor, w = z, z
	case None:
		w = o.out
	default:
		return nil, fmt.Errorf("there is no compression %q; write gzip, zstd or none", compression)
	}
	switch format {
	case "ndjson":
		o.rows = NewNDJSON(w)
	case "csv":
		o.rows = NewCSV(w, columns)
	default:
		return nil, fmt.Errorf("there is no format %q; write ndjson or csv", format)
	}
	return o, nil
}

// User writes a user's JSON object, raw, which must be on one line and is not kept.
func (o *Object) User(raw []byte) error { return o.rows.User(raw) }

// Size returns the number of bytes written, without the few hundred kilobytes in
// buffers.
func (o *Object) Size() int64 { return o.out.n }

// Close ends the object. It does not close the underlying writer.
func (o *Object) Close() error {
	if err := o.rows.Flush(); err != nil || o.compressor == nil {
		return err
	}
	return o.compressor.Close()
}

// counter counts the bytes written through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
