package api

import (
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// compress returns a writer that gzips the body where the caller accepts that,
// and what to call at the end. A trigger that cannot pass on compressed bodies
// removes Accept-Encoding before it calls the API.
func compress(w http.ResponseWriter, r *http.Request) (http.ResponseWriter, func()) {
	w.Header().Add("Vary", "Accept, Accept-Encoding")
	if r.Method == http.MethodHead || !acceptsGzip(r.Header.Values("Accept-Encoding")) {
		return w, func() {}
	}
	c := &compressor{ResponseWriter: w}
	return c, c.finish
}

func acceptsGzip(headers []string) bool {
	for _, header := range headers {
		for item := range strings.SplitSeq(header, ",") {
			if name, quality := mediaRange(item); (strings.EqualFold(name, "gzip") || name == "*") && quality > 0 {
				return true
			}
		}
	}
	return false
}

// compressor gzips the body of a success. Errors are short and stay as they are.
type compressor struct {
	http.ResponseWriter
	gzip   *gzip.Writer
	status int
}

// WriteHeader decides by the status whether the body is compressed.
func (c *compressor) WriteHeader(status int) {
	if c.status != 0 {
		return
	}
	c.status = status
	if status == http.StatusOK {
		c.Header().Del("Content-Length")
		c.Header().Set("Content-Encoding", "gzip")
		// The fastest level costs a fifth of the default and saves nearly as much.
		c.gzip, _ = gzip.NewWriterLevel(c.ResponseWriter, gzip.BestSpeed)
	}
	c.ResponseWriter.WriteHeader(status)
}

// Write compresses a part of the body.
func (c *compressor) Write(p []byte) (int, error) {
	c.WriteHeader(http.StatusOK)
	if c.gzip == nil {
		return c.ResponseWriter.Write(p)
	}
	return c.gzip.Write(p)
}

// FlushError sends what has been compressed so far.
func (c *compressor) FlushError() error {
	if c.gzip != nil {
		if err := c.gzip.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(c.ResponseWriter).Flush()
}

func (c *compressor) finish() {
	if c.gzip != nil {
		_ = c.gzip.Close()
	}
}

// observer records the status of a response, for the log and to know whether an
// error can still be answered with a status of its own.
type observer struct {
	http.ResponseWriter
	code int
}

// WriteHeader records the status; the first one counts.
func (o *observer) WriteHeader(status int) {
	if o.code == 0 {
		o.code = status
		o.ResponseWriter.WriteHeader(status)
	}
}

// Write records a success, unless there is a status already.
func (o *observer) Write(p []byte) (int, error) {
	o.WriteHeader(http.StatusOK)
	return o.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the writer below.
func (o *observer) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func (o *observer) started() bool { return o.code != 0 }

func (o *observer) status() int {
	if o.code == 0 {
		return http.StatusOK
	}
	return o.code
}
