package odata

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

type tokenKind int

const (
	eof         tokenKind = iota
	word                  // a name, an operator, a number, true, a GUID, a date, $count
	quoted                // 'in single quotes', with its quotes
	punctuation           // ( ) , / :
)

// lexer splits an expression into tokens and holds the current one.
type lexer struct {
	option string
	text   string
	start  int // of the current token
	end    int
	kind   tokenKind
	token  string
}

func (l *lexer) next() error {
	i := l.end
	for i < len(l.text) && l.text[i] == ' ' {
		i++
	}
	l.start, l.end = i, i
	if i == len(l.text) {
		l.kind, l.token = eof, ""
		return nil
	}
	switch c := l.text[i]; {
	case c == '\'':
		return l.readQuoted()
	case strings.IndexByte("(),/:", c) >= 0:
		l.kind, l.end = punctuation, i+1
	case isWordByte(c):
		l.kind = word
		for l.end < len(l.text) && l.inWord() {
			l.end++
		}
	default:
		r, _ := utf8.DecodeRuneInString(l.text[i:])
		return l.fail(fmt.Sprintf("unexpected %q", r))
	}
	l.token = l.text[l.start:l.end]
	return nil
}

// inWord reports whether the next byte belongs to the word. A colon or a plus
// does inside a date and time, which starts with a digit.
func (l *lexer) inWord() bool {
	c := l.text[l.end]
	digit := l.text[l.start] >= '0' && l.text[l.start] <= '9'
	return isWordByte(c) || digit && (c == ':' || c == '+')
}

// readQuoted reads a quoted string, within which a quote is doubled.
func (l *lexer) readQuoted() error {
	i := l.start + 1
	for {
		n := strings.IndexByte(l.text[i:], '\'')
		if n < 0 {
			return l.fail("the string that starts here is not terminated")
		}
		i += n + 1
		if i == len(l.text) || l.text[i] != '\'' {
			break
		}
		i++
	}
	l.kind, l.end, l.token = quoted, i, l.text[l.start:i]
	for _, r := range l.token {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return l.fail("the string that starts here contains a control character")
		}
	}
	return nil
}

// followedBy reports whether c follows the current token directly.
func (l *lexer) followedBy(c byte) bool {
	return l.end < len(l.text) && l.text[l.end] == c
}

func (l *lexer) isWord(w string) bool { return l.kind == word && strings.EqualFold(l.token, w) }

func (l *lexer) isPunctuation(mark string) bool { return l.kind == punctuation && l.token == mark }

// expect moves on behind a punctuation mark.
func (l *lexer) expect(mark string) error {
	if !l.isPunctuation(mark) {
		return l.fail(fmt.Sprintf("%q is expected", mark))
	}
	return l.next()
}

func (l *lexer) fail(what string) error { return &Error{Option: l.option, Offset: l.start, Text: what} }

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' || c == '$'
}

// isName reports whether w can be the name of a property or of its member. A
// cast (microsoft.graph.user) cannot.
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

// isValue reports whether a word is a literal: true, false, null, a GUID, or a
// number or date, which start with a digit.
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
