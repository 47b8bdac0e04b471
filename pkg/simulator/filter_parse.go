package simulator

import (
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// filterNode is a node of a parsed $filter.
type filterNode struct {
	op       string // and, or, not, eq, ne, ge, le, in, startsWith, endsWith
	kids     []*filterNode
	property property.Property
	path     string // a member of a complex property, or empty
	size     bool   // property/$count
	emit     emitter
	values   []filterValue
	needs    bool // an advanced query
}

// filterValue is a literal.
type filterValue struct {
	kind string // string, bool, null, date, number
	text string // folded, for strings
}

const (
	maxFilterDepth = 64
	maxInValues    = 15
)

type filterParser struct {
	tokens []filterToken
	depth  int
}

// parseFilter reads the part of OData's filter language that Graph documents
// for users: eq ne ge le in not and or startsWith endsWith, parentheses, one
// level of a complex property's members, and property/$count.
func parseFilter(s string) (*filterNode, *graphError) {
	p := &filterParser{tokens: lexFilter(s)}
	node, refusal := p.or()
	if refusal != nil {
		return nil, refusal
	}
	if t := p.peek(); t.kind != tokenEnd {
		return nil, invalidClause("Syntax error at '" + t.text + "'.")
	}
	return node, nil
}

func invalidClause(detail string) *graphError {
	return badRequest("Invalid filter clause: " + detail)
}

func unsupportedClause(name string) *graphError {
	return unsupported("Unsupported or invalid query filter clause specified for property '" + name + "' of resource 'User'.")
}

func (p *filterParser) peek() filterToken {
	if len(p.tokens) == 0 {
		return filterToken{}
	}
	return p.tokens[0]
}

func (p *filterParser) next() filterToken {
	t := p.peek()
	if len(p.tokens) > 0 {
		p.tokens = p.tokens[1:]
	}
	return t
}

func (p *filterParser) word(w string) bool {
	if t := p.peek(); t.kind != tokenWord || t.text != w {
		return false
	}
	p.next()
	return true
}

func (p *filterParser) or() (*filterNode, *graphError) { return p.chain("or", p.and) }

func (p *filterParser) and() (*filterNode, *graphError) { return p.chain("and", p.unary) }

func (p *filterParser) chain(op string, operand func() (*filterNode, *graphError)) (*filterNode, *graphError) {
	first, refusal := operand()
	if refusal != nil {
		return nil, refusal
	}
	kids := []*filterNode{first}
	for p.word(op) {
		kid, refusal := operand()
		if refusal != nil {
			return nil, refusal
		}
		kids = append(kids, kid)
	}
	if len(kids) == 1 {
		return first, nil
	}
	return &filterNode{op: op, kids: kids}, nil
}

func (p *filterParser) unary() (*filterNode, *graphError) {
	if p.depth++; p.depth > maxFilterDepth {
		return nil, invalidClause("The filter is nested too deeply.")
	}
	defer func() { p.depth-- }()
	switch t := p.peek(); {
	case t.kind == tokenOpen:
		p.next()
		node, refusal := p.or()
		if refusal != nil {
			return nil, refusal
		}
		if p.next().kind != tokenClose {
			return nil, invalidClause("')' expected.")
		}
		return node, nil
	case p.word("not"):
		kid, refusal := p.unary()
		if refusal != nil {
			return nil, refusal
		}
		return &filterNode{op: "not", kids: []*filterNode{kid}, needs: true}, nil
	case t.kind == tokenWord && (strings.EqualFold(t.text, "startsWith") || strings.EqualFold(t.text, "endsWith")):
		return p.function()
	case t.kind == tokenWord:
		return p.comparison()
	default:
		return nil, invalidClause("Expression expected.")
	}
}

func (p *filterParser) function() (*filterNode, *graphError) {
	op := "startsWith"
	if strings.EqualFold(p.next().text, "endsWith") {
		op = "endsWith"
	}
	node := &filterNode{op: op}
	if p.next().kind != tokenOpen {
		return nil, invalidClause("'(' expected.")
	}
	if refusal := node.name(p.next()); refusal != nil {
		return nil, refusal
	}
	if p.next().kind != tokenComma {
		return nil, invalidClause("',' expected.")
	}
	value := p.next()
	if value.kind != tokenString || p.next().kind != tokenClose {
		return nil, invalidClause("A string and ')' expected.")
	}
	node.values = []filterValue{{"string", foldKey(value.text)}}
	return node, node.support()
}

func (p *filterParser) comparison() (*filterNode, *graphError) {
	node := &filterNode{}
	if refusal := node.name(p.next()); refusal != nil {
		return nil, refusal
	}
	node.op = p.next().text
	switch node.op {
	case "eq", "ne", "ge", "le":
		value, ok := literalOf(p.next())
		if !ok {
			return nil, invalidClause("A literal is expected.")
		}
		node.values = []filterValue{value}
	case "in":
		if p.next().kind != tokenOpen {
			return nil, invalidClause("'(' expected.")
		}
		for {
			value, ok := literalOf(p.next())
			if !ok {
				return nil, invalidClause("A literal is expected.")
			}
			node.values = append(node.values, value)
			if t := p.next(); t.kind == tokenClose {
				break
			} else if t.kind != tokenComma {
				return nil, invalidClause("',' or ')' expected.")
			}
		}
		if len(node.values) > maxInValues {
			return nil, unsupported("Too many child clauses specified in search filter expression containing 'OR' operators: " +
				"the maximum allowed is 15.")
		}
	case "gt", "lt":
		return nil, unsupportedClause(node.property.Name)
	default:
		return nil, invalidClause("Operator expected.")
	}
	return node, node.support()
}

// name takes the left side: a property, a member of one, or its $count.
func (n *filterNode) name(t filterToken) *graphError {
	name, path, _ := strings.Cut(t.text, "/")
	known, ok := property.Lookup(name)
	if t.kind != tokenWord || !ok && !property.IsExtension(name) {
		return badRequest("Could not find a property named '" + name + "' on type 'microsoft.graph.user'.")
	}
	if !ok {
		every := property.Eq | property.Ge | property.Le | property.In | property.StartsWith
		known = property.Property{Name: name, Type: "Edm.String", Filter: property.Filter{Default: every, Advanced: property.Ne | property.Not | property.Null}}
	}
	n.property, n.path, n.emit = known, path, emitterOf(name)
	if path == "$count" {
		n.path, n.size = "", true
	}
	return nil
}

// literalOf reads a literal.
func literalOf(t filterToken) (filterValue, bool) {
	if t.kind == tokenString {
		return filterValue{"string", foldKey(t.text)}, true
	}
	if t.kind != tokenWord {
		return filterValue{}, false
	}
	switch t.text {
	case "true", "false":
		return filterValue{"bool", t.text}, true
	case "null":
		return filterValue{"null", ""}, true
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02"} {
		if moment, err := time.Parse(layout, t.text); err == nil {
			return filterValue{"date", moment.UTC().Format("2006-01-02t15:04:05z")}, true
		}
	}
	if isNumber(t.text) {
		return filterValue{"number", t.text}, true
	}
	return filterValue{}, false
}

func isNumber(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
