package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// checklist prints the result of each check on a line, and below it what is to be done. On a
// terminal long lines are folded, and results are coloured unless NO_COLOR is set.
type checklist struct {
	w        io.Writer
	width    int // of the terminal, 0 if there is none
	coloured bool
	failures int
	last     string // the check that failed last
	err      error  // of w
}

// newChecklist returns a checklist on stdout.
func (p *program) newChecklist() checklist {
	width, onTerminal := terminalWidth(p.stdout)
	return checklist{w: p.out(), width: width, coloured: p.isColoured(onTerminal)}
}

// verdict is the result of a check.
type verdict string

const (
	passed  verdict = "ok"
	odd     verdict = "warn"
	broken  verdict = "FAIL"
	skipped verdict = "skip"
)

// colour is that of a terminal.
func (v verdict) colour() string {
	switch v {
	case passed:
		return "32" // green
	case odd:
		return "33" // yellow
	case broken:
		return "1;31" // bold red
	}
	return "2" // dim
}

// indent is the width of what stands before the text of a check, belowIndent of what stands
// below it.
const (
	indent      = 23
	belowIndent = 8
)

func (c *checklist) ok(check, format string, values ...any) {
	c.line(passed, check, fmt.Sprintf(format, values...))
}

// warn is about what is not wrong yet.
func (c *checklist) warn(check, format string, values ...any) {
	c.line(odd, check, fmt.Sprintf(format, values...))
}

// skip is about what could not be looked at, and why.
func (c *checklist) skip(check, format string, values ...any) {
	c.line(skipped, check, fmt.Sprintf(format, values...))
}

// fail prints the first line of a text beside the check, and the others below.
func (c *checklist) fail(check, text string) {
	c.failures++
	c.last = check
	first, rest, more := strings.Cut(text, "\n")
	c.line(broken, check, first)
	if more {
		c.below(rest)
	}
}

func (c *checklist) line(v verdict, check, text string) {
	word := fmt.Sprintf("%-6s", v)
	if c.coloured {
		word = "\x1b[" + v.colour() + "m" + word + "\x1b[0m"
	}
	c.print(word+fmt.Sprintf("  %-13s  ", check), indent, printable(text))
}

func (c *checklist) below(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		c.print(strings.Repeat(" ", belowIndent), belowIndent, printable(strings.TrimSpace(line)))
	}
}

// print prints a head, and beside it a text. Where it is folded, words stay whole, so that
// commands and addresses can be copied.
func (c *checklist) print(head string, indent int, text string) {
	var b strings.Builder
	b.WriteString(head)
	column := indent
	for i, word := range strings.Split(text, " ") {
		width := displayWidth(word)
		switch {
		case i == 0:
		case c.width > 0 && column+1+width > c.width:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			column = indent
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += width
	}
	if c.err == nil {
		_, c.err = io.WriteString(c.w, b.String()+"\n")
	}
}

// result is the error of the command.
func (c *checklist) result(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return stopped(ctx)
	case c.err != nil:
		return c.err
	case c.failures > 0:
		return errReported
	}
	return nil
}
