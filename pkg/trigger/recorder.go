package trigger

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"
)

// recorder keeps the handler's response for a trigger that takes it whole. It
// stops the handler as soon as the response is more than the trigger takes.
type recorder struct {
	header  http.Header
	status  int
	body    bytes.Buffer
	used    int  // bytes of the answer so far
	full    bool // a write was refused
	encoded bool // the body is compressed and goes as base64
	silent  bool // the request is a HEAD
	x       *exchange
}

func newRecorder(x *exchange) *recorder {
	return &recorder{header: http.Header{}, silent: x.request.Method == http.MethodHead, x: x}
}

// Header returns the headers that the response will have.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader notes the status; the first one counts.
func (w *recorder) WriteHeader(status int) {
	if w.status != 0 || status < http.StatusOK {
		return
	}
	w.status = status
	w.encoded = w.header.Get("Content-Encoding") != ""
	if !w.x.bare {
		w.used = 512 // names, brackets and the status of the largest answer
	}
	for name, values := range w.header {
		for _, value := range values {
			w.used += quoted([]byte(name)) + quoted([]byte(value)) + len(`"":[""],`)
		}
	}
}

// Write keeps a part of the body. Beyond the limit it keeps nothing and returns
// an error named Response.TooLarge.
func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	if w.silent {
		return len(p), nil
	}
	if total := w.with(p); w.full || total > w.x.limit {
		w.full = true
		return 0, tooLarge(w.x.limit, w.x.advice)
	}
	if !w.encoded {
		w.used += w.cost(p)
	}
	return w.body.Write(p)
}

// with is the size of the answer with another part of the body.
func (w *recorder) with(p []byte) int {
	if w.encoded {
		return w.used + base64.StdEncoding.EncodedLen(w.body.Len()+len(p))
	}
	return w.used + w.cost(p)
}

// cost is what a part of the body takes in the answer.
func (w *recorder) cost(p []byte) int {
	if w.x.bare {
		return len(p)
	}
	return quoted(p)
}

// Flush is for handlers that stream; there is nothing to send early.
func (w *recorder) Flush() {}

// text returns the body as the answer holds it, and whether that is base64.
func (w *recorder) text() (string, bool) {
	if w.encoded && w.body.Len() > 0 {
		return base64.StdEncoding.EncodeToString(w.body.Bytes()), true
	}
	return w.body.String(), false
}

// quoted is the most that text takes within a JSON string, as encoding/json
// writes it. A character that is cut in two counts more than it takes.
func quoted(p []byte) int {
	n := 0
	for i := 0; i < len(p); {
		c := p[i]
		switch {
		case c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t':
			n += 2
		case c < ' ' || c == '<' || c == '>' || c == '&' || c == 0x7f:
			n += 6
		case c < utf8.RuneSelf:
			n++
		default:
			r, size := utf8.DecodeRune(p[i:])
			if r == utf8.RuneError || r == '\u2028' || r == '\u2029' {
				n += 6
			} else {
				n += size
			}
			i += size
			continue
		}
		i++
	}
	return n
}

// single returns headers with one value a name, as 2.0 and single-value triggers
// take them. Cookies cannot be joined; they are left out.
func single(h http.Header) map[string]string {
	out := make(map[string]string, len(h))
	for name, values := range h {
		if name != "Set-Cookie" {
			out[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	return out
}

// multiple returns headers with all their values.
func multiple(h http.Header) map[string][]string {
	out := make(map[string][]string, len(h))
	for name, values := range h {
		out[strings.ToLower(name)] = values
	}
	return out
}

// tooLargeError is an answer that the trigger cannot return.
type tooLargeError struct {
	megabytes int
	advice    string
}

func tooLarge(limit int, advice string) error { return &tooLargeError{limit >> 20, advice} }

// Error says how much it may be and what to ask for instead.
func (e *tooLargeError) Error() string {
	return fmt.Sprintf("the answer is larger than the %d MB that can be returned this way; %s", e.megabytes, e.advice)
}

// Name returns the public name of the error.
func (e *tooLargeError) Name() string { return "Response.TooLarge" }
