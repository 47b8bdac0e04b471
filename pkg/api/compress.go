package api

import (
	"bytes"
	"io"
	"net/http"
	"strconv"

	"github.com/klauspost/compress/gzip"
)

const (
	// worthwhile is the size below which a body is sent as it is: it fits into one
	// packet anyway.
	worthwhile = 1 << 10
	// batch is how much compressed data is passed on at a time.
	batch = 32 << 10
	// portion is how much is compressed before the limit of the host is looked at
	// again.
	portion = 8 << 10
)

// newGzip returns the writer that compresses everything this package sends. The
// fastest level costs a fifth of the default and saves nearly as much.
func newGzip(w io.Writer) *gzip.Writer {
	z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // only an unknown level is an error
	return z
}

// limited is the writer of a host that takes only so much of a body.
type limited interface {
	// Room returns how many more bytes are taken.
	Room() int
	// Refuse says that the body is longer than that, and returns the error for the
	// handler. There may be room for a closing record afterwards.
	Refuse() error
}

// compressor gzips the body of a success. Errors are short and stay as they are,
// as does what has an encoding already. Only finish writes the trailer without
// which no reader takes a gzip stream for whole, so a handler that aborts its
// answer does not call it.
type compressor struct {
	http.ResponseWriter
	limit  limited // nil where the host has none
	status int
	gzip   *gzip.Writer // nil where the body is not compressed
	out    bytes.Buffer // compressed, and not passed on yet
	plain  int          // bytes that were compressed since the last flush
	passed int          // bytes that were passed on since the last flush
	err    error        // of the first write that failed: the stream has a gap
}

// compress returns a writer for the answer to r, and what to call at the end of
// an answer that is not aborted.
func compress(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, func() error) {
	w.Header().Add("Vary", "Accept, Accept-Encoding")
	if r.Method == http.MethodHead || encodingFor(r.Header) != gzipped {
		return w, func() error { return nil }
	}
	c := &compressor{ResponseWriter: w}
	c.limit, _ = w.(limited)
	return c, c.finish
}

// WriteHeader decides by status and headers whether the body is compressed.
func (c *compressor) WriteHeader(status int) {
	if c.status != 0 {
		return
	}
	c.status = status
	h := c.Header()
	if status == http.StatusOK && pays(h) {
		h.Del("Content-Length")
		h.Set("Content-Encoding", "gzip")
		c.gzip = newGzip(&c.out)
	}
	c.ResponseWriter.WriteHeader(status)
}

// pays reports whether a body with these headers is worth compressing: a workbook is
// an archive itself.
func pays(h http.Header) bool {
	size, err := strconv.Atoi(h.Get("Content-Length"))
	return h.Get("Content-Encoding") == "" && h.Get("Content-Type") != workbookType && (err != nil || size >= worthwhile)
}

// Write compresses a part of the body. What might not fit is refused before it is
// compressed, so that a closing record can still follow.
func (c *compressor) Write(p []byte) (n int, err error) {
	c.WriteHeader(http.StatusOK)
	if c.gzip == nil {
		return c.ResponseWriter.Write(p)
	}
	for n < len(p) {
		some := p[n:min(len(p), n+portion)]
		if err := c.admit(len(some)); err != nil {
			return n, err
		}
		c.plain += len(some)
		_, c.err = c.gzip.Write(some)
		n += len(some)
		if c.out.Len() >= batch {
			c.pass()
		}
		if c.err != nil {
			return n, c.err
		}
	}
	return n, nil
}

// admit makes sure that n more bytes fit, however badly they compress.
func (c *compressor) admit(n int) error {
	if c.err != nil || c.limit == nil || c.pending(n) <= c.limit.Room() {
		return c.err
	}
	c.flush() // and see how much was needed
	if c.err == nil && c.pending(n) > c.limit.Room() {
		return c.limit.Refuse()
	}
	return c.err
}

// pending is the most that is still to be passed on if n more bytes are
// compressed: gzip's head, trailer and flushes, and data stored as it is.
func (c *compressor) pending(n int) int {
	plain := c.plain + n
	return plain + plain/1024 + 64 - c.passed
}

// flush passes everything on that was written so far.
func (c *compressor) flush() {
	if c.err != nil || c.plain == 0 {
		return
	}
	if c.err = c.gzip.Flush(); c.err == nil {
		c.pass()
	}
	c.plain, c.passed = 0, 0
}

// pass passes on what has been compressed.
func (c *compressor) pass() {
	if c.err != nil {
		return
	}
	_, c.err = c.ResponseWriter.Write(c.out.Bytes())
	c.passed += c.out.Len()
	c.out.Reset()
}

// FlushError sends what was written so far.
func (c *compressor) FlushError() error {
	c.WriteHeader(http.StatusOK)
	if c.gzip != nil {
		if c.flush(); c.err != nil {
			return c.err
		}
	}
	return http.NewResponseController(c.ResponseWriter).Flush()
}

// finish ends the body. An error means that its end was not sent.
func (c *compressor) finish() error {
	if c.gzip == nil || c.err != nil {
		return c.err
	}
	if c.err = c.gzip.Close(); c.err == nil {
		c.pass()
	}
	return c.err
}
