package format

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Spool buffers a file on disk until it is complete. Only the current user can read
// the temporary file, and where the system allows it the file has no name, so that
// even a killed process leaves nothing behind.
type Spool struct {
	file *os.File
	size int64
}

// NewSpool makes the temporary file in dir, "" for the system's temporary folder.
func NewSpool(dir string) (*Spool, error) {
	file, err := os.CreateTemp(dir, "rollcall-*.spool") // mode 0600
	if err != nil {
		return nil, spoolError(err)
	}
	_ = os.Remove(file.Name()) // Windows keeps the name until Close
	return &Spool{file: file}, nil
}

// Write appends to the spool.
func (s *Spool) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	s.size += int64(n)
	if err != nil {
		err = spoolError(err)
	}
	return n, err
}

func spoolError(err error) error {
	return fmt.Errorf("spool the list until it is complete: %w; set TMPDIR to a folder with free space", err)
}

// Size returns the number of bytes written.
func (s *Spool) Size() int64 { return s.size }

// WriteTo copies everything to w.
func (s *Spool) WriteTo(w io.Writer) (int64, error) {
	n, err := io.Copy(w, io.NewSectionReader(s.file, 0, s.size))
	if err == nil && n != s.size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close deletes the file. A second Close does nothing.
func (s *Spool) Close() error {
	err := s.file.Close()
	if errors.Is(err, fs.ErrClosed) {
		return nil
	}
	if gone := os.Remove(s.file.Name()); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}
