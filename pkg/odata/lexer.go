package odata

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// kind is what a token is.
type kind int

const (
	eof  kind = iota
	word      // a name, an operator, a number, true, a GUID, a date, $count
	text      // 'in single quotes', with its quotes
	mark      // ( ) , / :
)

// lexer cuts an expression into tokens. It holds the present one.
type lexer struct {
	option string
	text   string
	at     int // where the present token starts
	after  int // where it ends
	kind   kind
	token  string
}

func (l *lexer) next() error {
	i := l.after
	for i < len(l.text) && l.text[i] == ' ' {
		i++
	}
	l.at, l.after = i, i
	if i == len(l.text) {
		l.kind, l.token = eof, ""
		return nil
	}
	switch c := l.text[i]; {
	case c == '\'':
		return l.quoted()
	case strings.IndexByte("(),/:", c) >= 0:
		l.kind, l.after = mark, i+1
	case isWordByte(c):
		l.kind = word
		for l.after < len(l.text) && l.inWord() {
			l.after++
		}
	default:
		r, _ := utf8.DecodeRuneInString(l.text[i:])
		return l.fail(fmt.Sprintf("%q does not belong here", r))
	}
	l.token = l.text[l.at:l.after]
	return nil
}

// inWord reports whether the next byte belongs to the word. A colon does inside
// a point in time, which starts with a digit.
func (l *lexer) inWord() bool {
	c := l.text[l.after]
	digit := l.text[l.at] >= '0' && l.text[l.at] <= '9'
	return isWordByte(c) || digit && (c == ':' || c == '+')
}

// quoted reads a text; a quote within it is doubled.
func (l *lexer) quoted() error {
	i := l.at + 1
	for {
		n := strings.IndexByte(l.text[i:], '\'')
		if n < 0 {
			return l.fail("the text that starts here has no end")
		}
		i += n + 1
		if i == len(l.text) || l.text[i] != '\'' {
			break
		}
		i++
	}
	l.kind, l.after, l.token = text, i, l.text[l.at:i]
	for _, r := range l.token {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return l.fail("the text that starts here holds a control character")
		}
	}
	return nil
}

// followedBy reports whether the mark m follows the present token at once.
func (l *lexer) followedBy(m byte) bool {
	return l.after < len(l.text) && l.text[l.after] == m
}

func (l *lexer) fail(what string) error { return &Error{Option: l.option, Offset: l.at, Text: what} }

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' || c == '$'
}

// isName reports whether w can be the name of a property or of its member. A
// cast (microsoft.graph.user) is none.
func isName(w string) bool {
	for i := range len(w) {
		c := w[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return w != ""
}

// isValue reports whether a word is a value: true, false, null, or something
// that starts like a number, which numbers, dates and most GUIDs do; a GUID may
// start with a letter.
func isValue(w string) bool {
	switch strings.ToLower(w) {
	case "true", "false", "null":
		return true
	}
	if len(w) == 36 && strings.Count(w, "-") == 4 {
		return strings.Trim(w, "0123456789abcdefABCDEF-") == ""
	}
	rest := strings.TrimPrefix(w, "-")
	return rest != "" && rest[0] >= '0' && rest[0] <= '9' && strings.Trim(rest, "0123456789.:+-TZtzeE") == ""
}

// shorten keeps an error from repeating a long word.
func shorten(w string) string {
	if len(w) > 40 {
		return w[:40] + "…"
	}
	return w
}
