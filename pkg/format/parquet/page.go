package parquet

import (
	"bufio"
	"errors"
	"io"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// maxPage bounds a page before compression, in bytes: what is written has pages of 64 KiB,
// or of one value, which is no larger than a user.
const maxPage = 16 << 20

var errPage = errors.New("a page of it cannot be of the size that it says")

// checkPages finds out, page by page and without reading what is in them, whether a file
// says of any that it takes more memory than a page that was written here.
func checkPages(r io.ReaderAt, size int64, file *parquet.File) error {
	for _, group := range file.Metadata().RowGroups {
		for _, column := range group.Columns {
			m := &column.MetaData
			at := m.DataPageOffset
			if m.DictionaryPageOffset > 0 && m.DictionaryPageOffset < at {
				at = m.DictionaryPageOffset
			}
			if at < 0 || m.TotalCompressedSize < 0 || m.TotalCompressedSize > size || at > size-m.TotalCompressedSize {
				return errPage
			}
			if err := checkColumn(r, at, m.TotalCompressedSize); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkColumn checks the pages of a column.
func checkColumn(r io.ReaderAt, at, length int64) error {
	in := &position{r: bufio.NewReaderSize(io.NewSectionReader(r, at, length), 4<<10)}
	var protocol thrift.CompactProtocol
	for in.n < length {
		var head format.PageHeader
		if err := thrift.NewDecoder(protocol.NewReader(in)).Decode(&head); err != nil {
			return errPage
		}
		if head.UncompressedPageSize < 0 || head.UncompressedPageSize > maxPage || head.CompressedPageSize < 0 || head.CompressedPageSize > 2*maxPage {
			return errPage
		}
		n, err := in.r.Discard(int(head.CompressedPageSize))
		if in.n += int64(n); err != nil {
			return errPage
		}
	}
	return nil
}

// position counts what is read.
type position struct {
	r *bufio.Reader
	n int64
}

func (p *position) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.n += int64(n)
	return n, err
}

// ReadByte keeps the decoder from reading ahead.
func (p *position) ReadByte() (byte, error) {
	b, err := p.r.ReadByte()
	if err == nil {
		p.n++
	}
	return b, err
}
