package query

import (
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
)

// node is a node of a parsed $filter.
type node struct {
	op       string // and, or, not, any, or one of operators
	kids     []*node
	property property.Property
	path     string // a member of a complex property, or empty
	size     bool   // property/$count
	item     bool   // of an item of the collection, inside any
	itemType string
	emit     people.Emitter
	values   []literal
	compare  func(value []byte, want string) bool
	advanced bool // an advanced query
}

// literal is a value in a filter.
type literal struct {
	kind string // string, bool, null, date, number
	text string // in lower case, for strings
}

const (
	maxFilterDepth  = 64
	maxAlternatives = 15 // without an advanced query
)

// parser reads a $filter. It keeps the first error and then sees no more tokens.
type parser struct {
	tokens  []token
	depth   int
	lambda  *lambda // inside any
	refusal *grapherror.Error
}

// parseFilter reads the part of OData's filter language that Graph documents
// for users: eq ne ge le in not and or startsWith endsWith, parentheses, one
// level of a complex property's members, property/$count, and any over collections.
func parseFilter(s string) (*node, *grapherror.Error) {
	p := &parser{tokens: lex(s)}
	n := p.or()
	if t := p.peek(); t.kind != tokenEnd {
		p.fail("Syntax error at '" + t.text + "'.")
	}
	if p.refusal != nil {
		return nil, p.refusal
	}
	return n, nil
}

func (p *parser) fail(detail string) {
	p.check(grapherror.BadRequest("Invalid filter clause: " + detail))
}

// check keeps a refusal, if there is one.
func (p *parser) check(refusal *grapherror.Error) {
	if refusal == nil {
		return
	}
	if p.refusal == nil {
		p.refusal = refusal
	}
	p.tokens = nil
}

func (p *parser) peek() token {
	if len(p.tokens) == 0 {
		return token{}
	}
	return p.tokens[0]
}

func (p *parser) next() token {
	t := p.peek()
	if len(p.tokens) > 0 {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *parser) expect(kind byte, what string) {
	if p.next().kind != kind {
		p.fail(what + " expected.")
	}
}

func (p *parser) word(w string) bool {
	if t := p.peek(); t.kind != tokenWord || t.text != w {
		return false
	}
	p.next()
	return true
}

func (p *parser) or() *node { return p.chain("or", p.and) }

func (p *parser) and() *node { return p.chain("and", p.unary) }

func (p *parser) chain(op string, operand func() *node) *node {
	kids := []*node{operand()}
	for p.word(op) {
		kids = append(kids, operand())
	}
	if len(kids) == 1 {
		return kids[0]
	}
	return &node{op: op, kids: kids}
}

func (p *parser) unary() *node {
	if p.depth++; p.depth > maxFilterDepth {
		p.fail("The filter is nested too deeply.")
		return nil
	}
	defer func() { p.depth-- }()
	switch t := p.peek(); {
	case t.kind == '(':
		p.next()
		n := p.or()
		p.expect(')', "')'")
		return n
	case p.word("not"):
		return &node{op: "not", kids: []*node{p.unary()}, advanced: true}
	case t.kind == tokenWord && (strings.HasSuffix(t.text, "/any") || strings.HasSuffix(t.text, "/all")):
		return p.any()
	case t.kind == tokenWord && (strings.EqualFold(t.text, "startsWith") || strings.EqualFold(t.text, "endsWith")):
		return p.function()
	case t.kind == tokenWord:
		return p.comparison()
	default:
		p.fail("Expression expected.")
		return nil
	}
}

func (p *parser) function() *node {
	n := &node{op: "startsWith"}
	if strings.EqualFold(p.next().text, "endsWith") {
		n.op = "endsWith"
	}
	p.expect('(', "'('")
	p.check(p.name(n))
	p.expect(',', "','")
	value := p.next()
	if value.kind != tokenString || p.next().kind != ')' {
		p.fail("A string and ')' expected.")
	}
	n.values = []literal{{"string", strings.ToLower(value.text)}}
	p.check(n.support())
	return n
}

func (p *parser) comparison() *node {
	n := &node{}
	p.check(p.name(n))
	n.op = p.next().text
	switch n.op {
	case "eq", "ne", "ge", "le":
		n.values = []literal{p.literal()}
	case "in":
		p.expect('(', "'('")
		for more := true; more && p.refusal == nil; {
			n.values = append(n.values, p.literal())
			t := p.next()
			if more = t.kind == ','; !more && t.kind != ')' {
				p.fail("',' or ')' expected.")
			}
		}
	case "gt", "lt":
		p.check(unsupportedClause(n.property.Name))
	default:
		p.fail("Operator expected.")
	}
	p.check(n.support())
	return n
}

// name reads the left side of a clause.
func (p *parser) name(n *node) *grapherror.Error {
	if p.lambda != nil {
		return n.itemName(p.next(), p.lambda)
	}
	return n.name(p.next())
}

// name takes the left side: a property, a member of one, or its $count.
func (n *node) name(t token) *grapherror.Error {
	name, path, _ := strings.Cut(t.text, "/")
	known, ok := property.Lookup(name)
	if t.kind != tokenWord || !ok && !property.IsExtension(name) {
		return grapherror.BadRequest("Could not find a property named '" + name + "' on type 'microsoft.graph.user'.")
	}
	if !ok {
		known = property.Property{Name: name, Type: "Edm.String", Filter: property.Filter{Default: "eq,ge,le,in,startsWith", Advanced: "ne,not,null"}}
	}
	n.property, n.path, n.emit = known, path, people.EmitterOf(name)
	if path == "$count" {
		n.path, n.size = "", true
	}
	return nil
}

// literal reads a literal.
func (p *parser) literal() literal {
	t := p.next()
	switch {
	case t.kind == tokenString:
		return literal{"string", strings.ToLower(t.text)}
	case t.kind != tokenWord:
	case t.text == "true" || t.text == "false":
		return literal{"bool", t.text}
	case t.text == "null":
		return literal{kind: "null"}
	case strings.Trim(t.text, "0123456789") == "":
		return literal{"number", t.text}
	case len(t.text) == 36 && strings.Count(t.text, "-") == 4 && strings.Trim(t.text, "0123456789abcdefABCDEF-") == "":
		return literal{"guid", strings.ToLower(t.text)}
	default:
		for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
			if moment, err := time.Parse(layout, t.text); err == nil {
				return literal{"date", moment.UTC().Format("2006-01-02t15:04:05z")}
			}
		}
	}
	p.fail("A literal is expected.")
	return literal{}
}

// Kinds of tokens beside punctuation, which is its own kind.
const (
	tokenEnd    byte = 0
	tokenWord   byte = 'w'
	tokenString byte = '\''
	tokenBad    byte = '?'
)

type token struct {
	kind byte
	text string // a string's content, without quotes
}

// lex splits a $filter into words, strings and punctuation.
func lex(s string) []token {
	var tokens []token
	for s = strings.TrimLeft(s, " \t"); s != ""; s = strings.TrimLeft(s, " \t") {
		length := 1
		switch c := s[0]; c {
		case '(', ')', ',':
			tokens = append(tokens, token{c, s[:1]})
		case '\'':
			text, rest, ok := lexString(s[1:])
			if !ok {
				return append(tokens, token{tokenBad, s})
			}
			tokens = append(tokens, token{tokenString, text})
			length = len(s) - len(rest)
		default:
			if length = strings.IndexAny(s, " \t(),'"); length < 0 {
				length = len(s)
			}
			tokens = append(tokens, token{tokenWord, s[:length]})
		}
		s = s[length:]
	}
	return tokens
}

// lexString reads a string up to its closing quote; a quote inside is written
// twice.
func lexString(s string) (text, rest string, ok bool) {
	for {
		before, after, found := strings.Cut(s, "'")
		if !found {
			return "", "", false
		}
		text += before
		if !strings.HasPrefix(after, "'") {
			return text, after, true
		}
		text, s = text+"'", after[1:]
	}
}
