package trigger

import (
	"context"
	"io"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/correlation"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/header"
)

const (
	// closingRecord is kept of the limit for the record with which a handler says
	// that its stream is not complete.
	closingRecord = 4 << 10
	// grace is how long a handler may take to return once nobody reads.
	grace = time.Second
)

// Stream is an answer whose body is read while the handler writes it. A panic of
// the handler ends the body with an error, as Buffered returns it.
type Stream struct {
	Status int
	Header http.Header
	Body   io.ReadCloser
}

// Streamed answers an exchange with a stream. It runs the handler beside the
// reading of the body and returns once status and headers are known.
func (s *Server) Streamed(ctx context.Context, x *Exchange) (*Stream, error) {
	ctx, cancel := x.withDeadline(correlation.With(ctx, x.Request.Header))
	handler := s.admit(ctx, x)
	body, pipe := io.Pipe()
	w := &streamWriter{
		header: http.Header{}, pipe: pipe, started: make(chan struct{}),
		x: x, left: x.Limit.Bytes - closingRecord, silent: x.Request.Method == http.MethodHead,
	}
	done := make(chan struct{})
	var broken error
	go func() {
		defer close(done)
		defer cancel()
		if broken = s.call(ctx, handler, w, x.Request); w.refused {
			broken = nil // the answer is the refusal, and that is whole
		}
		_ = pipe.CloseWithError(broken) // EOF when nothing is broken; never an error
		if broken == nil {
			w.WriteHeader(http.StatusOK)
		}
	}()
	select {
	case <-w.started:
	case <-done:
		if broken != nil && w.status == 0 {
			return nil, broken
		}
	}
	return &Stream{Status: w.status, Header: w.sent, Body: &streamBody{body, cancel, done}}, nil
}

// streamWriter passes the handler's response on while it is written.
type streamWriter struct {
	header  http.Header
	status  int
	sent    http.Header   // header as it was when the response started
	started chan struct{} // closed when status and sent are set
	pipe    *io.PipeWriter
	x       *Exchange
	left    int
	over    bool // a write was refused
	refused bool // the whole answer was, before it began
	silent  bool // the request is a HEAD
}

// Header returns the headers that the response will have.
func (w *streamWriter) Header() http.Header { return w.header }

// WriteHeader starts the response; only the first call counts. An answer whose
// Content-Length is beyond the limit becomes a 413.
func (w *streamWriter) WriteHeader(status int) {
	if w.status != 0 || status < http.StatusOK {
		return
	}
	if size, err := strconv.Atoi(w.header.Get("Content-Length")); err == nil && size > w.left && !w.refused {
		w.refused = true
		refusal := w.x.tooLarge(w.header)
		maps.DeleteFunc(w.header, func(name string, _ []string) bool {
			return name != header.RequestID && name != header.ClientRequestID
		})
		failure.Of(refusal).Write(w)
		w.over, w.left = true, 0
		return
	}
	w.status, w.sent = status, w.header.Clone()
	close(w.started)
}

// Write sends a part of the body. The part that would exceed the limit is refused
// whole, with an error named Response.TooLarge; one more small part is taken
// after it, in which the handler says that the stream is not complete.
func (w *streamWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.silent || len(p) == 0 {
		return len(p), nil
	}
	if len(p) > w.left {
		return 0, w.Refuse()
	}
	w.left -= len(p)
	if w.over {
		w.left = 0
	}
	return w.pipe.Write(p)
}

// Room returns how many more bytes of the body are taken.
func (w *streamWriter) Room() int {
	if w.silent {
		return math.MaxInt
	}
	return w.left
}

// Refuse ends the body, but for a small part in which the handler says that it is
// not complete. It returns the error named Response.TooLarge.
func (w *streamWriter) Refuse() error {
	w.left = 0
	if !w.over {
		w.over, w.left = true, closingRecord
	}
	return w.x.tooLarge(w.sent)
}

// FlushError starts the response. What was written before is on its way already.
func (w *streamWriter) FlushError() error {
	w.WriteHeader(http.StatusOK)
	return nil
}

// Flush is FlushError as an http.Flusher.
func (w *streamWriter) Flush() { _ = w.FlushError() }

// streamBody is what the host reads. It ends when the handler has returned.
type streamBody struct {
	*io.PipeReader
	cancel context.CancelFunc
	done   <-chan struct{}
}

// Close stops a handler whose response is no longer read, and waits for it: it
// must not run on into the next invocation.
func (b *streamBody) Close() error {
	_ = b.PipeReader.Close() // never an error
	b.cancel()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-b.done:
	case <-timer.C:
	}
	return nil
}
