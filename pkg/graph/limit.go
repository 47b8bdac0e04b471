package graph

import (
	"errors"
	"fmt"
	"io"
)

// What one answer may make the client keep at once. Graph's largest users (thousands of
// proxy addresses) stay far below.
const (
	maxUser    = 4 << 20   // bytes of a user
	maxMember  = 256 << 10 // bytes of any other member of a page, such as a link
	maxBody    = maxUser   // bytes of a body that is read as a whole
	maxError   = 64 << 10  // bytes of an error's body that are read
	maxID      = 256       // bytes of a user's id, a GUID
	maxMembers = 1000      // members of a page
	maxPage    = 10_000    // users of a page, ten times Graph's largest
)

// sizeError says that a part of an answer is too large. It is final: the answer would be
// the same once more.
type sizeError struct {
	what  string
	limit int
}

func (e *sizeError) Error() string {
	return fmt.Sprintf("the response is not what Graph sends: %s is larger than %d KiB", e.what, e.limit>>10)
}

// limited is a body of which a decoder keeps one part at a time. A part that is too
// large ends the reading while it is read, since the decoder would keep it whole.
type limited struct {
	body io.Reader
	left int // bytes that may be read for the present part
	over sizeError
	err  error // that ended the reading, other than io.EOF; decoders may hide it
}

// allow begins the next part, of which so many bytes have been read.
func (l *limited) allow(what string, limit, read int) {
	l.left, l.over = limit-read, sizeError{what, limit}
}

func (l *limited) Read(b []byte) (int, error) {
	if l.left <= 0 && l.err == nil {
		over := l.over
		l.err = &over
	}
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.body.Read(b[:min(len(b), l.left)])
	l.left -= n
	if err != nil && !errors.Is(err, io.EOF) {
		l.err = err
	}
	return n, err
}

// readBody reads a whole body of at most limit bytes.
func readBody(body io.Reader, what string, limit int) ([]byte, error) {
	l := limited{body: body}
	l.allow(what, limit+1, 0)
	all, err := io.ReadAll(&l)
	if len(all) > limit {
		return nil, &sizeError{what, limit}
	}
	return all, err
}
