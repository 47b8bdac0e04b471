// Package odata parses a caller's OData expressions ($filter, $orderby,
// $search), reports which properties they name, and writes them back from what
// was parsed. An expression that is not parsed completely is refused: a filter
// is an oracle over every property that it may name.
//
// It covers the part of OData 4.01 that Microsoft Graph supports for users. It
// knows neither HTTP nor Graph and imports nothing of this module.
package odata

import (
	"fmt"
	"strings"
)

// Limits of one expression. Graph's own bound is the URL of 2,048 characters.
const (
	maxLength = 2048
	maxDepth  = 24
)

// Error says what is wrong with an expression and where. It quotes at most a few
// words of the expression.
type Error struct {
	// Option is $filter, $orderby or $search.
	Option string
	// Offset is the byte at which parsing failed.
	Offset int
	// Text says what is wrong.
	Text string
}

// Error is a sentence for the caller. Its character counts from 1.
func (e *Error) Error() string {
	return fmt.Sprintf("%s is not understood at character %d: %s", e.Option, e.Offset+1, e.Text)
}

// Filter is a parsed $filter.
type Filter struct{ root node }

// ParseFilter parses a $filter. The error is an [*Error].
func ParseFilter(text string) (*Filter, error) {
	p, err := newParser("$filter", text)
	if err != nil {
		return nil, err
	}
	root, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.kind != eof {
		return nil, p.fail("and, or, or the end of the filter is expected")
	}
	return &Filter{root: root}, nil
}

// Equal is the filter `property eq 'text'`.
func Equal(property, text string) *Filter {
	return &Filter{root: &comparison{
		path: &path{segments: []string{property}}, op: "eq", literal: "'" + strings.ReplaceAll(text, "'", "''") + "'",
	}}
}

// String writes the filter in its canonical spelling.
func (f *Filter) String() string {
	var b strings.Builder
	f.root.write(&b)
	return b.String()
}

// Properties returns the properties that the filter names, the first segment of
// each path, in the caller's spelling and as often as they occur.
func (f *Filter) Properties() []string {
	var names []string
	f.root.visit(func(p *path) { names = append(names, p.segments[0]) })
	return names
}

// Rename replaces the name of every property by the one that rename returns.
func (f *Filter) Rename(rename func(name string) string) {
	f.root.visit(func(p *path) { p.segments[0] = rename(p.segments[0]) })
}

// And is the filter that requires both a and b; either may be nil.
func And(a, b *Filter) *Filter {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	return &Filter{root: &logical{op: "and", left: a.root, right: b.root}}
}

// node is a part of a filter.
type node interface {
	write(b *strings.Builder)
	// visit calls f for each path that starts at the user rather than at the
	// variable of an any or all.
	visit(f func(*path))
	// terms adds the conditions to t.
	terms(t *terms)
}

// logical is left and/or right. Its operands are always written in parentheses,
// so that its meaning depends on nobody's rules of precedence.
type logical struct {
	op          string
	left, right node
}

func (n *logical) write(b *strings.Builder) {
	b.WriteByte('(')
	n.left.write(b)
	b.WriteString(") " + n.op + " (")
	n.right.write(b)
	b.WriteByte(')')
}

func (n *logical) visit(f func(*path)) {
	n.left.visit(f)
	n.right.visit(f)
}

type negation struct{ operand node }

func (n *negation) write(b *strings.Builder) {
	b.WriteString("not (")
	n.operand.write(b)
	b.WriteByte(')')
}

func (n *negation) visit(f func(*path)) { n.operand.visit(f) }

// comparison is path op literal.
type comparison struct {
	path    *path
	op      string
	literal string
}

func (n *comparison) write(b *strings.Builder) {
	n.path.write(b)
	b.WriteString(" " + n.op + " " + n.literal)
}

func (n *comparison) visit(f func(*path)) { n.path.visit(f) }

// membership is path in (literal, …).
type membership struct {
	path     *path
	literals []string
}

func (n *membership) write(b *strings.Builder) {
	n.path.write(b)
	b.WriteString(" in (" + strings.Join(n.literals, ",") + ")")
}

func (n *membership) visit(f func(*path)) { n.path.visit(f) }

// call is startsWith(path,literal) and the like.
type call struct {
	function string
	path     *path
	literal  string
}

func (n *call) write(b *strings.Builder) {
	b.WriteString(n.function + "(")
	n.path.write(b)
	b.WriteString("," + n.literal + ")")
}

func (n *call) visit(f func(*path)) { n.path.visit(f) }

// lambda is path/any(v:predicate), path/all(v:predicate) or path/any().
type lambda struct {
	path      *path
	function  string
	variable  string
	predicate node // nil for any()
}

func (n *lambda) write(b *strings.Builder) {
	n.path.write(b)
	b.WriteString("/" + n.function + "(")
	if n.predicate != nil {
		b.WriteString(n.variable + ":")
		n.predicate.write(b)
	}
	b.WriteByte(')')
}

func (n *lambda) visit(f func(*path)) {
	n.path.visit(f)
	if n.predicate != nil {
		n.predicate.visit(f)
	}
}

// path is property/member/…, from the user or from a lambda's variable.
type path struct {
	segments []string
	variable bool // the first segment is a lambda's variable
}

func (p *path) write(b *strings.Builder) { b.WriteString(strings.Join(p.segments, "/")) }

func (p *path) visit(f func(*path)) {
	if !p.variable {
		f(p)
	}
}
