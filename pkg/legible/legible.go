// Package legible makes text of strangers safe to show to people, on a terminal and on a
// page. It imports only the standard library.
package legible

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text returns text in which everything can be seen. Names come from strangers: characters
// that would move the cursor, change colours, reverse the writing direction, break the line
// or stay invisible are replaced.
//
// Control characters become their pictures (␛, ␀, ␊), other characters without a
// glyph an escape such as \u202e, and bytes that are not UTF-8 U+FFFD.
func Text(text string) string {
	if IsPlain(text) {
		return text
	}
	var b strings.Builder
	previous := ' '
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		text = text[size:]
		switch {
		case r < ' ':
			b.WriteRune('\u2400' + r)
		case r == 0x7f:
			b.WriteRune('\u2421')
		case isVisible(r), isJoiner(r) && isJoined(previous):
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		previous = r
	}
	return b.String()
}

// IsPlain reports whether text has nothing but the visible characters of ASCII and spaces.
func IsPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// isVisible is true for letters, marks, numbers, punctuation, symbols and spaces,
// and false for controls, format characters (bidi, zero width), line separators,
// private and unassigned characters.
func isVisible(r rune) bool { return unicode.IsGraphic(r) }

// isJoiner is true for the zero-width joiner and non-joiner, which emoji, Persian
// and the scripts of India need.
func isJoiner(r rune) bool { return r == '\u200d' || r == '\u200c' }

func isJoined(previous rune) bool { return previous > '\u02ff' && isVisible(previous) }
