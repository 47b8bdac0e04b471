package format

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Spool holds a file back until it is complete: what is written goes to a
// temporary file that only this user can read and that has no name any more
// where the system allows that, so even a kill leaves nothing behind.
type Spool struct {
	file *os.File
	size int64
}

// NewSpool makes the temporary file in dir, "" for the system's folder.
func NewSpool(dir string) (*Spool, error) {
	file, err := os.CreateTemp(dir, "rollcall-*.spool") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("hold the list back until it is complete: %w; name a folder with room in TMPDIR", err)
	}
	// Windows keeps the name until Close.
	_ = os.Remove(file.Name())
	return &Spool{file: file}, nil
}

// Write appends to the spool.
func (s *Spool) Write(p []byte) (int, error) {
	n, err := s.file.Write(p)
	s.size += int64(n)
	if err != nil {
		err = fmt.Errorf("hold the list back until it is complete: %w; name a folder with room in TMPDIR", err)
	}
	return n, err
}

// Size is how many bytes are held.
func (s *Spool) Size() int64 { return s.size }

// WriteTo copies everything that is held to w.
func (s *Spool) WriteTo(w io.Writer) (int64, error) {
	n, err := io.Copy(w, io.NewSectionReader(s.file, 0, s.size))
	if err == nil && n != s.size {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// Close drops what is held. Closing again does nothing.
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
