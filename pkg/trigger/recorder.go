package trigger

import (
	"bytes"
	"encoding/base64"
	"math"
	"net/http"
	"unicode/utf8"
)

// Response is the handler's whole answer.
type Response struct {
	Status int
	Header http.Header
	Body   []byte

	encoded bool
}

// Text returns the body as text, and whether that is base64: a compressed body is
// no text.
func (r *Response) Text() (string, bool) {
	if r.encoded && len(r.Body) > 0 {
		return base64.StdEncoding.EncodeToString(r.Body), true
	}
	return string(r.Body), false
}

// recorder keeps the handler's response for a host that takes it whole. It stops
// the handler as soon as the response is more than the host takes.
type recorder struct {
	header  http.Header
	status  int
	body    bytes.Buffer
	used    int  // bytes of the answer so far
	full    bool // a write was refused
	encoded bool // the body is compressed and goes as base64
	silent  bool // the request is a HEAD
	x       *Exchange
}

func newRecorder(x *Exchange) *recorder {
	return &recorder{header: http.Header{}, silent: x.Request.Method == http.MethodHead, x: x}
}

// Header returns the headers that the response will have.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader sets the status; only the first call counts.
func (w *recorder) WriteHeader(status int) {
	if w.status != 0 || status < http.StatusOK {
		return
	}
	w.status = status
	w.encoded = w.header.Get("Content-Encoding") != ""
	if !w.x.Raw {
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
	if w.full || w.with(p) > w.x.Limit.Bytes {
		return 0, w.Refuse()
	}
	if !w.encoded {
		w.used += w.cost(p)
	}
	return w.body.Write(p)
}

// Room returns how many more bytes of a body that does not need to be quoted are
// taken.
func (w *recorder) Room() int {
	switch left := w.x.Limit.Bytes - w.used; {
	case w.silent:
		return math.MaxInt
	case w.full:
		return 0
	case w.encoded:
		return left/4*3 - w.body.Len()
	default:
		return left
	}
}

// Refuse makes the answer a 413, and returns the error named Response.TooLarge.
func (w *recorder) Refuse() error {
	w.full = true
	return w.x.tooLarge(w.header)
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
	if w.x.Raw {
		return len(p)
	}
	return quoted(p)
}

// Flush is for handlers that stream; there is nothing to send early.
func (w *recorder) Flush() {}

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
