package main

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// printable returns text as a terminal may get it: what would move the cursor,
// change colours, turn the writing direction round, break the line or hide is
// shown by a sign or an escape instead. Names come from strangers.
//
// Control characters become their pictures (␛, ␀, ␊), other characters without a
// glyph become \u202e, and a byte that is not UTF-8 becomes U+FFFD.
func printable(text string) string {
	if isPlain(text) {
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

func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// isVisible takes letters, marks, numbers, punctuation, symbols and spaces. Not
// among them are controls, formats (bidi, zero width), line separators,
// private and unassigned characters.
func isVisible(r rune) bool { return unicode.IsGraphic(r) }

// isJoiner is the zero-width joiner and non-joiner, which emoji, Persian and the
// scripts of India are written with.
func isJoiner(r rune) bool { return r == '\u200d' || r == '\u200c' }

func isJoined(previous rune) bool { return previous > '\u02ff' && isVisible(previous) }

// displayWidth is the number of columns that printable text takes on a terminal:
// two for a wide character, none for a combining mark.
func displayWidth(text string) int {
	if isPlain(text) {
		return len(text)
	}
	return uniseg.StringWidth(text)
}

// fit cuts printable text to at most width columns, between characters as people
// see them, and ends it with … where it was cut.
func fit(text string, width int) string {
	if displayWidth(text) <= width {
		return text
	}
	var b strings.Builder
	left := width - 1 // for the ellipsis
	for state := -1; text != ""; {
		var cluster string
		var columns int
		cluster, text, columns, state = uniseg.FirstGraphemeClusterInString(text, state)
		if columns > left {
			break
		}
		b.WriteString(cluster)
		left -= columns
	}
	b.WriteString("…")
	return b.String()
}

// padded is text followed by spaces up to width columns.
func padded(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-displayWidth(text)))
}
