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

// zstdWindow bounds how far back zstd looks, and with it what a reader needs.
const zstdWindow = 1 << 20

// Object writes users to an object of a store, as NDJSON or CSV, compressed. An
// object has no closing record: that it is there means that it is whole.
type Object struct {
	rows interface {
		User(raw []byte) error
		Flush() error
	}
	packed io.WriteCloser // nil without compression
	out    *counter
}

// NewObject begins an object that is written to w. format is ndjson or csv,
// compression one of the constants; columns are CSV's. Both compressions are set
// to their fastest level: the list is written once and read a few times.
func NewObject(w io.Writer, format, compression string, columns []string) (*Object, error) {
	o := &Object{out: &counter{w: w}}
	var below io.Writer = o.out
	switch compression {
	case Gzip:
		packed, err := gzip.NewWriterLevel(o.out, gzip.BestSpeed)
		if err != nil {
			return nil, err
		}
		o.packed, below = packed, packed
	case Zstd:
		packed, err := zstd.NewWriter(o.out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(zstdWindow))
		if err != nil {
			return nil, err
		}
		o.packed, below = packed, packed
	case None:
	default:
		return nil, fmt.Errorf("there is no compression %q; write gzip, zstd or none", compression)
	}
	switch format {
	case "ndjson":
		o.rows = NewNDJSON(below)
	case "csv":
		o.rows = NewCSV(below, columns)
	default:
		return nil, fmt.Errorf("there is no format %q; write ndjson or csv", format)
	}
	return o, nil
}

// User writes a user. raw is its JSON object, on one line, and is not kept.
func (o *Object) User(raw []byte) error { return o.rows.User(raw) }

// Size is how many bytes have been written; what waits in buffers, some hundred
// kilobytes, is not among them.
func (o *Object) Size() int64 { return o.out.n }

// Close ends the object. The writer below stays open.
func (o *Object) Close() error {
	if err := o.rows.Flush(); err != nil || o.packed == nil {
		return err
	}
	return o.packed.Close()
}

// counter counts what goes through it.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
