package xlsx

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Characters that XML 1.0 has no room for are written as _xHHHH_, and so is the first
// character of a text that looks like that. excelize replaces the former and loses
// some of the latter, so they pass through it between two marks, which the archive
// replaces. The marks are noncharacters, which XML permits and nobody uses; where
// somebody does, they are written as _xHHHH_, too.
const (
	opening = '\ufdd0' // becomes _x
	closing = '\ufdd1' // becomes _
)

// escape returns a text as excelize is to get it.
func escape(text string) string {
	at := strings.IndexFunc(text, special)
	if at < 0 {
		return text
	}
	var b strings.Builder
	b.WriteString(text[:at])
	for i, r := range text[at:] {
		if !special(r) || r == '_' && !escapeLike(text[at+i:]) {
			b.WriteRune(r)
			continue
		}
		fmt.Fprintf(&b, "%c%04X%c", opening, r, closing)
	}
	return b.String()
}

// special is true for what cannot be written as it is, and for _, which depends on
// what follows.
func special(r rune) bool {
	switch r {
	case '\t', '\n', '\r':
		return false
	case '_', opening, closing, '\ufffe', '\uffff':
		return true
	}
	return r < ' '
}

// escapeLike reports whether a text would begin with _xHHHH_: its last character may
// be one of the text or the first one of what a special character becomes.
func escapeLike(text string) bool {
	const size = len("_xHHHH")
	if len(text) <= size || text[1] != 'x' {
		return false
	}
	next, _ := utf8.DecodeRuneInString(text[size:])
	return special(next) && strings.Trim(text[2:size], "0123456789abcdefABCDEF") == ""
}

// unmark is a writer that replaces the marks.
type unmark struct {
	w     io.Writer
	marks *strings.Replacer
	cut   string // what may be the beginning of a mark
}

func newUnmark(w io.Writer) *unmark {
	return &unmark{w: w, marks: strings.NewReplacer(string(opening), "_x", string(closing), "_")}
}

// Write replaces the marks in a part of a file, which does not end with half of one.
func (u *unmark) Write(p []byte) (int, error) {
	text := u.cut + string(p)
	end := len(text)
	for i := 1; i < len(string(opening)); i++ {
		if strings.HasSuffix(text, string(opening)[:i]) {
			end = len(text) - i
		}
	}
	u.cut = text[end:]
	if _, err := u.marks.WriteString(u.w, text[:end]); err != nil {
		return 0, err
	}
	return len(p), nil
}
