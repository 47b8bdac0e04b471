package odata

import (
	"fmt"
	"slices"
	"strings"
)

// parser parses $filter by recursive descent, from the loosest binding to the
// tightest: or, and, not, then a comparison, call, lambda or parenthesis.
type parser struct {
	lexer
	depth     int
	variables []string // of the lambdas around the current token
}

func newParser(option, text string) (*parser, error) {
	p := &parser{lexer: lexer{option: option, text: text}}
	if len(text) > maxLength {
		return nil, p.fail(fmt.Sprintf("it is longer than %d characters", maxLength))
	}
	return p, p.next()
}

func (p *parser) or() (node, error)  { return p.binary("or", p.and) }
func (p *parser) and() (node, error) { return p.binary("and", p.not) }

// binary parses operand (op operand)*.
func (p *parser) binary(op string, operand func() (node, error)) (node, error) {
	left, err := operand()
	for err == nil && p.isWord(op) {
		if err = p.next(); err != nil {
			break
		}
		var right node
		if right, err = operand(); err == nil {
			left = &logical{op: op, left: left, right: right}
		}
	}
	return left, err
}

func (p *parser) not() (node, error) {
	if p.depth++; p.depth > maxDepth {
		return nil, p.fail("it is nested too deeply")
	}
	defer func() { p.depth-- }()
	switch {
	case p.isWord("not"):
		if err := p.next(); err != nil {
			return nil, err
		}
		operand, err := p.not()
		return &negation{operand}, err
	case p.isPunctuation("("):
		if err := p.next(); err != nil {
			return nil, err
		}
		inside, err := p.or()
		if err != nil {
			return nil, err
		}
		return inside, p.expect(")")
	case p.kind == word && p.followedBy('('):
		return p.call()
	}
	return p.comparison()
}

// call parses startsWith(path,'text'), endsWith or contains, and the `eq true`
// that may follow it.
func (p *parser) call() (node, error) {
	functions := []string{"startsWith", "endsWith", "contains"}
	i := slices.IndexFunc(functions, func(f string) bool { return strings.EqualFold(f, p.token) })
	if i < 0 {
		return nil, p.fail(fmt.Sprintf("%q is not one of %s", p.token, strings.Join(functions, ", ")))
	}
	n := &call{function: functions[i]}
	err := p.next()
	if err == nil {
		err = p.expect("(")
	}
	if err == nil {
		n.path, err = p.path()
	}
	if err == nil {
		err = p.expect(",")
	}
	if err == nil && p.kind != quoted {
		err = p.fail("a string in single quotes is expected")
	}
	if err != nil {
		return nil, err
	}
	n.literal = p.token
	if err := p.next(); err != nil {
		return nil, err
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	return p.equalsBool(n)
}

// equalsBool parses the `eq true` or `eq false` behind a call.
func (p *parser) equalsBool(n node) (node, error) {
	if !p.isWord("eq") {
		return n, nil
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	wanted := strings.ToLower(p.token)
	if p.kind != word || wanted != "true" && wanted != "false" {
		return nil, p.fail("true or false is expected")
	}
	if wanted == "false" {
		n = &negation{n}
	}
	return n, p.next()
}

func (p *parser) comparison() (node, error) {
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	if last := path.segments[len(path.segments)-1]; p.isPunctuation("(") && (last == "any" || last == "all") {
		return p.lambda(path)
	}
	op := strings.ToLower(p.token)
	switch {
	case p.kind != word:
		return nil, p.fail("eq, ne, ge, le, gt, lt or in is expected")
	case op == "in":
		return p.membership(path)
	case !slices.Contains([]string{"eq", "ne", "ge", "le", "gt", "lt"}, op):
		return nil, p.fail(fmt.Sprintf("%q is not one of eq, ne, ge, le, gt, lt, in", shorten(p.token)))
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	literal, err := p.literal()
	return &comparison{path: path, op: op, literal: literal}, err
}

func (p *parser) membership(path *path) (node, error) {
	n := &membership{path: path}
	if err := p.next(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	for {
		literal, err := p.literal()
		if err != nil {
			return nil, err
		}
		n.literals = append(n.literals, literal)
		if p.isPunctuation(",") {
			if err := p.next(); err != nil {
				return nil, err
			}
			continue
		}
		return n, p.expect(")")
	}
}

// lambda parses what follows path/any or path/all.
func (p *parser) lambda(whole *path) (node, error) {
	last := len(whole.segments) - 1
	if last == 0 {
		return nil, p.fail("any and all follow a property and a slash")
	}
	n := &lambda{path: &path{segments: whole.segments[:last], variable: whole.variable}, function: whole.segments[last]}
	if err := p.next(); err != nil {
		return nil, err
	}
	if n.function == "any" && p.isPunctuation(")") {
		return n, p.next()
	}
	if p.kind != word || !p.followedBy(':') {
		return nil, p.fail("a variable and a colon are expected")
	}
	// The variable is renamed: if it has the name of a property, nobody may take it
	// for that property.
	given := p.token
	n.variable = fmt.Sprintf("x%d", len(p.variables))
	if err := p.next(); err != nil {
		return nil, err
	}
	if err := p.expect(":"); err != nil {
		return nil, err
	}
	p.variables = append(p.variables, given)
	predicate, err := p.or()
	p.variables = p.variables[:len(p.variables)-1]
	if err != nil {
		return nil, err
	}
	n.predicate = predicate
	return n, p.expect(")")
}

// path parses property/member/…; its last segment may be $count.
func (p *parser) path() (*path, error) {
	var result path
	for {
		if p.kind != word || !isName(p.token) && !(p.token == "$count" && len(result.segments) > 0) {
			return nil, p.fail("the name of a property is expected")
		}
		result.segments = append(result.segments, p.token)
		if err := p.next(); err != nil {
			return nil, err
		}
		if !p.isPunctuation("/") {
			break
		}
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	for i, name := range slices.Backward(p.variables) {
		if name == result.segments[0] {
			result.segments[0], result.variable = fmt.Sprintf("x%d", i), true
			break
		}
	}
	return &result, nil
}

// literal parses a string, a number, true, false, null, a GUID, or a date and
// time.
func (p *parser) literal() (string, error) {
	if p.kind != quoted && (p.kind != word || !isValue(p.token)) {
		return "", p.fail("a value is expected: a string in single quotes, a number, true, false, null, a GUID or a date")
	}
	literal := p.token
	return literal, p.next()
}
