package main

import (
	"io"
	"os"
	"strings"

	"github.com/rivo/uniseg"
	"golang.org/x/term"

	"github.com/rollcall-dev/rollcall/pkg/legible"
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

// isColoured reports whether what goes there is coloured and set in bold.
func (p *program) isColoured(onTerminal bool) bool {
	return onTerminal && lookup(p.environ, "NO_COLOR") == "" && !p.isDumb()
}

// isDumb reports whether the terminal understands no escape sequences.
func (p *program) isDumb() bool { return lookup(p.environ, "TERM") == "dumb" }

// printable returns text that is safe to show on a terminal: see [legible.Text].
func printable(text string) string { return legible.Text(text) }

// printableLines applies printable to each line of text and ends the last one.
func printableLines(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		b.WriteString(printable(line) + "\n")
	}
	return b.String()
}

// displayWidth is the number of columns that printable text takes up on a
// terminal: two for a wide character, none for a combining mark.
func displayWidth(text string) int {
	if legible.IsPlain(text) {
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
