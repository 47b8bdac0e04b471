package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// Transport returns a transport that answers without a socket: the handler runs
// in a goroutine and its body comes through a pipe. It uses nothing but channels
// and timers, so that in a testing/synctest bubble all waiting is virtual.
// Redirects are returned as they are. It answers for every host.
func Transport(handler http.Handler) http.RoundTripper { return &transport{handler: handler} }

type transport struct{ handler http.Handler }

// RoundTrip runs the handler. It returns as soon as the headers are there.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, errors.Join(err, closeBody(r))
	}
	ctx, cancel := context.WithCancel(r.Context())
	in := r.Clone(ctx)
	in.Host = r.Host
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = "192.0.2.1:1234"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	reader, writer := io.Pipe()
	w := &pipeWriter{header: http.Header{}, body: writer, ready: make(chan struct{})}
	go func() {
		// A client that gives up must free a handler that is writing to it.
		stop := context.AfterFunc(ctx, func() { w.breakConnection(ctx.Err()) })
		defer stop()
		t.handler.ServeHTTP(w, in)
		w.finish(ctx)
		_ = closeBody(in)
	}()
	select {
	case <-w.ready:
	case <-ctx.Done():
		err := ctx.Err()
		cancel()
		return nil, err
	}
	response, err := w.response(r, &pipeBody{reader: reader, cancel: cancel})
	if err != nil {
		cancel()
	}
	return response, err
}

func closeBody(r *http.Request) error {
	if r.Body == nil {
		return nil
	}
	return r.Body.Close()
}

// pipeWriter is the handler's side.
type pipeWriter struct {
	header http.Header
	body   *io.PipeWriter
	ready  chan struct{}

	mu     sync.Mutex
	status int
	sent   http.Header
	broken error
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status != 0 || w.broken != nil {
		return
	}
	w.status, w.sent = status, w.header.Clone()
	close(w.ready)
}

func (w *pipeWriter) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// Flush sends the headers; a pipe does not buffer a body.
func (w *pipeWriter) Flush() { w.WriteHeader(http.StatusOK) }

// breakConnection ends the exchange with an error that the client reads.
func (w *pipeWriter) breakConnection(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		return
	}
	w.broken = err
	if w.status == 0 {
		close(w.ready)
	}
	_ = w.body.CloseWithError(err)
}

// finish ends the body, or breaks the connection if the client has given up: an
// answer that was cut short must not look whole.
func (w *pipeWriter) finish(ctx context.Context) {
	if err := ctx.Err(); err != nil {
		w.breakConnection(err)
		return
	}
	w.WriteHeader(http.StatusOK)
	_ = w.body.Close()
}

// response is what the client gets: headers, or the error that came instead.
func (w *pipeWriter) response(r *http.Request, body io.ReadCloser) (*http.Response, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.status == 0 {
		return nil, w.broken
	}
	length := int64(-1)
	if n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64); err == nil {
		length = n
	}
	return &http.Response{
		Status:     strconv.Itoa(w.status) + " " + http.StatusText(w.status),
		StatusCode: w.status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: body, ContentLength: length, Request: r,
	}, nil
}

// pipeBody is the client's side. Closing it cancels the handler's context.
type pipeBody struct {
	reader *io.PipeReader
	cancel context.CancelFunc
}

func (b *pipeBody) Read(p []byte) (int, error) { return b.reader.Read(p) }

func (b *pipeBody) Close() error {
	b.cancel()
	return b.reader.Close()
}
