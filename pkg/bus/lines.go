package bus

import (
	"bufio"
	"context"
	"io"
)

// Lines writes events as NDJSON, one CloudEvent a line: what takes the place of a bus on
// the command line. It is for one goroutine.
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
	_, err := l.w.Write(l.line)
	return err
}

// Flush writes what is buffered.
func (l *Lines) Flush(context.Context) error { return l.w.Flush() }

// Close drops what was not flushed.
func (l *Lines) Close() {}
