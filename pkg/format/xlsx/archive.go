package xlsx

import (
	"archive/zip"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"
)

// archive is where excelize writes the files of the workbook. Its own way would keep
// the whole archive in memory.
type archive struct{ *zip.Writer }

func newArchive(w io.Writer) archive {
	a := archive{zip.NewWriter(w)}
	a.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestSpeed)
	})
	return a
}

// Create begins a file of the archive.
func (a archive) Create(name string) (io.Writer, error) {
	w, err := a.Writer.Create(name)
	if err != nil {
		return nil, err
	}
	return newUnmark(&limited{w: w, left: maxXML}), nil
}

// limited is a writer with an end.
type limited struct {
	w    io.Writer
	left int64
}

// Write refuses what goes beyond the end.
func (l *limited) Write(p []byte) (int, error) {
	if l.left -= int64(len(p)); l.left < 0 {
		return 0, &LimitError{fmt.Sprintf("the sheet is larger than the %d bytes that spreadsheets open: select fewer columns, or use CSV or Parquet", int64(maxXML))}
	}
	return l.w.Write(p)
}

// destination keeps the error of the writer of the whole file, which the archive's
// buffers would return in other words.
type destination struct {
	w   io.Writer
	err error
}

// Write writes a part of the archive.
func (d *destination) Write(p []byte) (int, error) {
	n, err := d.w.Write(p)
	if err != nil {
		d.err = err
	}
	return n, err
}
