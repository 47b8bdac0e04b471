package format

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxRecord is how many bytes a user may take in an object that is read: twice what one may
// take in Graph's answer, since CSV doubles quotes. It holds while bytes are read, however few
// they were compressed to.
const maxRecord = 8 << 20

// Reader reads the users of an object as [Object] writes them. It keeps one user in memory,
// whatever the object holds.
type Reader struct {
	rows interface{ User() ([]byte, error) }
	zstd *zstd.Decoder
}

// NewReader returns a Reader of r. format, compression and columns are those of
// [NewObject]; the header of CSV must have exactly these columns.
func NewReader(r io.Reader, format, compression string, columns []string) (*Reader, error) {
	o := &Reader{}
	switch compression {
	case Gzip:
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("it is not compressed by gzip: %w", err)
		}
		r = z
	case Zstd:
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8*zstdWindow))
		if err != nil {
			return nil, fmt.Errorf("it is not compressed by zstd: %w", err)
		}
		o.zstd, r = z, z
	case None:
	default:
		return nil, fmt.Errorf("there is no compression %q; there are gzip, zstd and none", compression)
	}
	in := bufio.NewReaderSize(r, bufferSize)
	switch format {
	case "ndjson":
		o.rows = &lines{in: in}
		return o, nil
	case "csv":
		rows, err := newRecords(in, columns)
		if err != nil {
			o.Close()
			return nil, err
		}
		o.rows = rows
		return o, nil
	}
	o.Close()
	return nil, fmt.Errorf("there is no format %q; there are ndjson and csv", format)
}

// User returns the next user's JSON object, valid until the next call. At the end the error
// is io.EOF. Any other says what is wrong, and quotes nobody.
//
// Of CSV the object has the cells that are not empty: text as strings, and numbers,
// booleans, lists and objects as what they are where the property is of such a type.
func (o *Reader) User() ([]byte, error) { return o.rows.User() }

// Close frees what decompression takes. It does not close the underlying reader.
func (o *Reader) Close() {
	if o.zstd != nil {
		o.zstd.Close()
	}
}

// lines reads NDJSON.
type lines struct {
	in   *bufio.Reader
	line []byte
	n    int
}

func (l *lines) User() ([]byte, error) {
	l.line = l.line[:0]
	l.n++
	for {
		some, err := l.in.ReadSlice('\n')
		l.line = append(l.line, some...)
		switch {
		case len(l.line) > maxRecord:
			return nil, fmt.Errorf("line %d is longer than %d MiB", l.n, maxRecord>>20)
		case err == nil:
			raw := l.line[:len(l.line)-1]
			if v := jsontext.Value(raw); !v.IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) || raw[0] != '{' {
				return nil, fmt.Errorf("line %d is not a user", l.n)
			}
			return raw, nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(l.line) == 0:
			return nil, io.EOF
		case errors.Is(err, io.EOF):
			return nil, fmt.Errorf("line %d is cut off", l.n)
		default:
			return nil, unreadable(err)
		}
	}
}

// unreadable is what a compression or the underlying reader says.
func unreadable(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("it is cut off")
	}
	return fmt.Errorf("it cannot be read: %w", err)
}
