package graph

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"unicode/utf8"
)

const (
	bufferSize = 32 << 10
	firstRead  = 4 << 10
	maxDepth   = 100 // of objects and lists in each other: DuckDB reads 128
)

// scanner reads JSON from a body part by part: a token of a page, a value, a user. It
// takes exactly what RFC 8259 calls JSON, in UTF-8, each byte once, and keeps the present
// part only. Indices are into b; where more has to be read, b grows and they stay.
type scanner struct {
	body   io.Reader
	err    error  // that ended the reading, io.EOF at the end of the body
	store  []byte // what b is a part of
	b      []byte // what was read, from the start of the present part on
	offset int64  // of b in the body
	what   string // the present part
	limit  int    // bytes that it may have

	user userScan
}

func newScanner(selected *selection) scanner {
	return scanner{user: userScan{shape: shape{selected: selected, ofUsers: true}}}
}

// syntaxError says that something is not JSON.
type syntaxError struct{ at int64 }

func (e *syntaxError) Error() string { return fmt.Sprintf("the response is not JSON at byte %d", e.at) }

// fault is what is wrong with an answer that is well-formed. It quotes nothing of it.
type fault string

func (f fault) Error() string { return string(f) }

// reset begins a body.
func (s *scanner) reset(body io.Reader) {
	s.body, s.err, s.b, s.offset = body, nil, s.store[:0], 0
}

// next begins a part and returns its first byte, white space apart.
func (s *scanner) next(what string, limit int) (byte, error) {
	s.what, s.limit, s.user.reading = what, limit, false
	i, err := s.skip(0)
	if err != nil {
		return 0, err
	}
	s.take(i)
	return s.b[0], nil
}

// take leaves n bytes behind.
func (s *scanner) take(n int) {
	s.b = s.b[n:]
	s.offset += int64(n)
	s.user.restore(mark{})
}

// more reads more of the body, at least a byte.
func (s *scanner) more() error {
	if s.err != nil {
		return s.err
	}
	n := len(s.b)
	switch {
	case n >= s.limit:
		s.err = &sizeError{s.what, s.limit}
		return s.err
	case cap(s.b) < cap(s.store):
		copy(s.store[:n], s.b)
	case n == cap(s.store):
		s.store = make([]byte, max(bufferSize, 2*n))
		copy(s.store, s.b)
	}
	// A chunked body fills whatever it is given before it returns, however slowly it comes:
	// never wait for more than has come already, so that the first users are not late.
	some := max(firstRead, int(min(s.offset+int64(n), bufferSize)))
	free := s.store[n:min(cap(s.store), s.limit, n+some)]
	for range 100 {
		read, err := s.body.Read(free)
		if s.b, s.err = s.store[:n+read], err; read > 0 {
			return nil
		}
		if err != nil {
			return err
		}
	}
	s.err = io.ErrNoProgress
	return s.err
}

// need makes sure that n bytes from i on were read.
func (s *scanner) need(i, n int) error {
	for len(s.b) < i+n {
		if err := s.more(); err != nil {
			return err
		}
	}
	return nil
}

// bad is the error of a byte that JSON does not have there.
func (s *scanner) bad(i int) error { return &syntaxError{s.offset + int64(i)} }

// skip returns where white space ends, a byte that was read.
func (s *scanner) skip(i int) (int, error) {
	if i < len(s.b) && s.b[i] > ' ' {
		return i, nil
	}
	return s.space(i)
}

func (s *scanner) space(i int) (int, error) {
	for ; ; i++ {
		if err := s.need(i, 1); err != nil {
			return 0, err
		}
		switch s.b[i] {
		case '\n', '\r':
			s.edit(i, i+1, "")
		case ' ', '\t':
		default:
			return i, nil
		}
	}
}

// value returns the end of the value that begins at i. names are those of its objects.
func (s *scanner) value(i, depth int, names *shape) (int, error) {
	switch c := s.b[i]; c {
	case '"':
		return s.text(i)
	case 'n':
		return s.literal(i, "null")
	case 't':
		return s.literal(i, "true")
	case 'f':
		return s.literal(i, "false")
	case '{', '[':
		switch {
		case depth == maxDepth:
			return 0, fault(fmt.Sprintf("a value in it is nested deeper than %d levels", maxDepth))
		case c == '{':
			return s.object(i, depth+1, names)
		}
		return s.array(i, depth+1, names)
	}
	return s.number(i)
}

func (s *scanner) literal(i int, word string) (int, error) {
	if err := s.need(i, len(word)); err != nil {
		return 0, err
	}
	if string(s.b[i:i+len(word)]) != word {
		return 0, s.bad(i)
	}
	return i + len(word), nil
}

func (s *scanner) array(i, depth int, names *shape) (int, error) {
	i, err := s.skip(i + 1)
	if err == nil && s.b[i] == ']' {
		return i + 1, nil
	}
	for err == nil {
		if i, err = s.value(i, depth, names); err != nil {
			break
		}
		if i, err = s.skip(i); err != nil {
			break
		}
		switch s.b[i] {
		case ']':
			return i + 1, nil
		case ',':
			i, err = s.skip(i + 1)
		default:
			return 0, s.bad(i)
		}
	}
	return 0, err
}

// text returns the end of the string that begins at i, behind its quotation mark.
func (s *scanner) text(i int) (int, error) {
	for i++; ; {
		for ; i+8 <= len(s.b); i += 8 {
			if special := notPlain(binary.LittleEndian.Uint64(s.b[i:])); special != 0 {
				i += bits.TrailingZeros64(special) / 8
				break
			}
		}
		err := s.need(i, 1)
		if err != nil {
			return 0, err
		}
		switch c := s.b[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\\':
			i, err = s.escape(i)
		case c >= utf8.RuneSelf:
			i, err = s.rune(i)
		case c < ' ':
			return 0, s.bad(i)
		default: // one of the last eight bytes
			i++
		}
		if err != nil {
			return 0, err
		}
	}
}

// notPlain looks at eight bytes of a string. The lowest bit of the result is that of the
// first byte that is a quotation mark, a backslash, a control character or not ASCII; it
// is 0 if there is none.
func notPlain(eight uint64) uint64 {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	quote, back := eight^ones*'"', eight^ones*'\\'
	return ((quote-ones)&^quote | (back-ones)&^back | (eight-ones*' ')&^eight | eight) & tops
}

func (s *scanner) escape(i int) (int, error) {
	if err := s.need(i, 2); err != nil {
		return 0, err
	}
	switch s.b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, nil
	case 'u':
		if err := s.need(i, 6); err != nil {
			return 0, err
		}
		for _, c := range s.b[i+2 : i+6] {
			if !isHex(c) {
				return 0, s.bad(i)
			}
		}
		s.user.surrogates = s.user.surrogates || isSurrogate(s.b[i:])
		return i + 6, nil
	}
	return 0, s.bad(i)
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

// rune passes a character that is not ASCII. Those that end a line for some readers of
// text are escaped.
func (s *scanner) rune(i int) (int, error) {
	for !utf8.FullRune(s.b[i:]) {
		if err := s.more(); err != nil {
			return 0, err
		}
	}
	r, n := utf8.DecodeRune(s.b[i:])
	switch r {
	case utf8.RuneError:
		if n == 1 {
			return 0, fault("it is not UTF-8")
		}
	case '\u0085':
		s.edit(i, i+n, `\u0085`)
	case '\u2028':
		s.edit(i, i+n, `\u2028`)
	case '\u2029':
		s.edit(i, i+n, `\u2029`)
	}
	return i + n, nil
}

// number returns the end of the number that begins at i.
func (s *scanner) number(i int) (int, error) {
	at := i
	if s.b[i] == '-' {
		i++
	}
	i, err := s.digits(i, true)
	integer := i
	if err == nil && s.peek(i) == '.' {
		i, err = s.digits(i+1, false)
	}
	exponent := i
	if err == nil && s.peek(i)|0x20 == 'e' {
		if i++; s.peek(i) == '+' || s.peek(i) == '-' {
			i++
		}
		i, err = s.digits(i, false)
	}
	switch {
	case err != nil:
		return 0, err
	case i == len(s.b) && s.err != nil && !errors.Is(s.err, io.EOF):
		return 0, s.err // the number may go on
	case s.user.reading && !readable(s.b[at:i], integer-at, exponent-at):
		return 0, fault("a number in it has more than 64 bits or is beyond 1e308, which many readers refuse; leave its column out of ROLLCALL_SELECT")
	}
	return i, nil
}

// digits passes one digit or more; an integer has no zero before others.
func (s *scanner) digits(i int, integer bool) (int, error) {
	first := i
	for c := s.peek(i); '0' <= c && c <= '9'; c = s.peek(i) {
		if i++; integer && i == first+1 && c == '0' {
			break
		}
	}
	if i == first {
		if err := s.need(i, 1); err != nil {
			return 0, err
		}
		return 0, s.bad(i)
	}
	return i, nil
}

// peek returns the byte at i, 0 where the body has ended.
func (s *scanner) peek(i int) byte {
	if s.need(i, 1) != nil {
		return 0
	}
	return s.b[i]
}
