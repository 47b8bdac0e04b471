package bus

import (
	"bufio"
	"context"
	"io"
)

// Lines writes events as NDJSON, one CloudEvent a line: what takes the place of a bus on
// the command line. Lines are written whole, so that what is read of a stream that ends
// early are events all the same. It is for one goroutine.
type Lines struct {
	w    *bufio.Writer
	line []byte
}

// NewLines returns Lines that write to w.
func NewLines(w io.Writer) *Lines { return &Lines{w: bufio.NewWriter(w)} }

// Publish writes an event. Its error is that of the writer.
func (l *Lines) Publish(_ context.Context, e Event) error {
	if err := e.check(); err != nil {
		return err
	}
	l.line = append(e.AppendJSON(l.line[:0]), '\n')
	if l.w.Available() < len(l.line) { // a longer line than all of the buffer is written at once
		if err := l.w.Flush(); err != nil {
			return err
		}
	}
	_, err := l.w.Write(l.line)
	return err
}

// Flush writes what is buffered.
func (l *Lines) Flush(context.Context) error { return l.w.Flush() }

// Close drops what was not flushed.
func (l *Lines) Close() {}
