package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"
	"golang.org/x/term"
)

// terminalWidth returns the columns of the terminal behind w, and whether w is
// one.
func terminalWidth(w io.Writer) (columns int, ok bool) {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	columns, _, err := term.GetSize(int(file.Fd()))
	if err != nil || columns <= 0 {
		columns = 80
	}
	return columns, true
}

// isDumb reports whether the terminal understands no escape sequences.
func (p *program) isDumb() bool { return lookup(p.environ, "TERM") == "dumb" }

// printable returns text that is safe to show on a terminal. Names come from
// strangers: characters that would move the cursor, change colours, reverse the
// writing direction, break the line or stay invisible are replaced.
//
// Control characters become their pictures (␛, ␀, ␊), other characters without a
// glyph an escape such as \u202e, and bytes that are not UTF-8 U+FFFD.
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

// printableLines applies printable to each line of text and ends the last one.
func printableLines(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString(printable(line) + "\n")
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

// isVisible is true for letters, marks, numbers, punctuation, symbols and spaces,
// and false for controls, format characters (bidi, zero width), line separators,
// private and unassigned characters.
func isVisible(r rune) bool { return unicode.IsGraphic(r) }

// isJoiner is true for the zero-width joiner and non-joiner, which emoji, Persian
// and the scripts of India need.
func isJoiner(r rune) bool { return r == '\u200d' || r == '\u200c' }

func isJoined(previous rune) bool { return previous > '\u02ff' && isVisible(previous) }

// displayWidth is the number of columns that printable text takes up on a
// terminal: two for a wide character, none for a combining mark.
func displayWidth(text string) int {
	if isPlain(text) {
		return len(text)
	}
	return uniseg.StringWidth(text)
}

// fit cuts printable text to at most width columns, between grapheme clusters,
// and ends it with … if anything was cut.
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

// padded pads text with spaces to width columns.
func padded(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-displayWidth(text)))
}
