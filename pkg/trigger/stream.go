package trigger

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"time"
)

const (
	// maxStream is Lambda's limit for a streamed response, taken as decimal
	// megabytes to be on the safe side.
	maxStream = 200 * 1000 * 1000
	// lastWord is what is kept of it for the record with which a handler says that
	// the stream is not complete.
	lastWord = 4 << 10
	// streamAdvice is what to ask for instead of what is too large for a stream.
	streamAdvice = "ask for fewer columns with $select, or for fewer users with $filter"
	// closing is how long a handler may take to end once nobody reads.
	closing = time.Second
)

// serveStream runs the handler beside the reading of its response and returns
// as soon as status and headers are known. It cancels ctx when the handler has
// returned or nobody reads any longer.
func (l *Lambda) serveStream(ctx context.Context, cancel context.CancelFunc, x *exchange, handler http.Handler) (any, error) {
	body, pipe := io.Pipe()
	w := &streamWriter{
		header: http.Header{}, pipe: pipe, started: make(chan struct{}),
		left: maxStream - lastWord, silent: x.request.Method == http.MethodHead,
	}
	done := make(chan struct{})
	var broken error
	go func() {
		defer close(done)
		defer cancel()
		if broken = l.call(ctx, handler, w, x.request); w.refused {
			broken = nil // the answer is the refusal, and that is whole
		}
		_ = pipe.CloseWithError(broken) // EOF when nothing is broken; never an error
		if broken == nil {
			w.WriteHeader(http.StatusOK)
		}
	}()
	select {
	case <-w.started:
		return x.stream(w.status, w.sent, &streamBody{body, cancel, done}), nil
	case <-done:
	}
	if broken != nil && w.status == 0 {
		return nil, broken
	}
	return x.stream(w.status, w.sent, &streamBody{body, cancel, done}), nil
}

// streamWriter passes the handler's response on while it is written.
type streamWriter struct {
	header  http.Header
	status  int
	sent    http.Header   // header as it was when the response started
	started chan struct{} // closed when status and sent are set
	pipe    *io.PipeWriter
	left    int
	over    bool // a write was refused
	refused bool // the whole answer was, before it began
	silent  bool // the request is a HEAD
}

// Header returns the headers that the response will have.
func (w *streamWriter) Header() http.Header { return w.header }

// WriteHeader starts the response; the first status counts.
func (w *streamWriter) WriteHeader(status int) {
	if w.status != 0 || status < http.StatusOK {
		return
	}
	if size, err := strconv.Atoi(w.header.Get("Content-Length")); err == nil && size > w.left && !w.refused {
		// It can still be said that the answer does not fit.
		w.refused = true
		clear(w.header)
		refuse(w, http.StatusRequestEntityTooLarge, "Response.TooLarge", (&tooLargeError{maxStream / 1_000_000, streamAdvice}).Error())
		w.over, w.left = true, 0
		return
	}
	w.status, w.sent = status, w.header.Clone()
	close(w.started)
}

// Write sends a part of the body. The part that would pass the limit is refused
// whole, with an error named Response.TooLarge; one more small part is taken
// after it, in which the handler says that the stream is not complete.
func (w *streamWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.silent || len(p) == 0 {
		return len(p), nil
	}
	if len(p) > w.left {
		w.left = 0
		if !w.over {
			w.over, w.left = true, lastWord
		}
		return 0, &tooLargeError{maxStream / 1_000_000, streamAdvice}
	}
	w.left -= len(p)
	if w.over {
		w.left = 0
	}
	return w.pipe.Write(p)
}

// FlushError starts the response. What was written before is on its way already.
func (w *streamWriter) FlushError() error {
	w.WriteHeader(http.StatusOK)
	return nil
}

// Flush is FlushError for those who ask for an http.Flusher.
func (w *streamWriter) Flush() { _ = w.FlushError() }

// streamBody is what Lambda reads. It ends when the handler has returned.
type streamBody struct {
	*io.PipeReader
	cancel context.CancelFunc
	done   <-chan struct{}
}

// Close stops a handler whose response is read no longer, and waits for it: it
// must not run on into the next invocation.
func (b *streamBody) Close() error {
	_ = b.PipeReader.Close() // never an error
	b.cancel()
	timer := time.NewTimer(closing)
	defer timer.Stop()
	select {
	case <-b.done:
	case <-timer.C:
	}
	return nil
}
