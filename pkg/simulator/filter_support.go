package simulator

import (
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// support says whether Graph takes the clause at all, and notes whether it
// takes it only as an advanced query.
func (n *filterNode) support() *graphError {
	var need property.Operators
	switch n.op {
	case "eq":
		need = property.Eq
	case "ne":
		need = property.Ne
	case "ge":
		need = property.Ge
	case "le":
		need = property.Le
	case "in":
		need = property.In
	case "startsWith":
		need = property.StartsWith
	case "endsWith":
		need = property.EndsWith
	}
	for _, v := range n.values {
		if refusal := n.comparable(v); refusal != nil {
			return refusal
		}
		if v.kind == "null" {
			if n.op != "eq" && n.op != "ne" {
				return unsupportedClause(n.property.Name)
			}
			need |= property.Null
			need &^= property.Eq // "eq on null values" is an operator of its own
		}
	}
	if n.size {
		need = property.Count
	}
	set := n.property.Filter
	switch {
	case set.Default.Has(need):
	case (set.Default | set.Advanced).Has(need):
		n.needs = true
	default:
		return unsupportedClause(n.property.Name)
	}
	return nil
}

// comparable checks a literal's type against the property's.
func (n *filterNode) comparable(v filterValue) *graphError {
	var want string
	switch {
	case n.size:
		want = "number"
		if n.op != "eq" && n.op != "ne" {
			return unsupportedClause(n.property.Name)
		}
	case n.path != "":
		if strings.HasPrefix(n.property.Type, "Collection(") || strings.HasPrefix(n.property.Type, "Edm.") {
			return unsupportedClause(n.property.Name)
		}
		return nil
	default:
		switch n.property.Type {
		case "Edm.String":
			want = "string"
		case "Edm.Boolean":
			want = "bool"
		case "Edm.DateTimeOffset":
			want = "date"
		default:
			return unsupportedClause(n.property.Name)
		}
	}
	if v.kind != want && v.kind != "null" {
		return badRequest("A binary operator with incompatible types was detected. Found operand types '" + n.property.Type + "' and '" + v.kind + "'.")
	}
	return nil
}

// advanced says whether any clause wants the header and $count=true.
func (n *filterNode) advanced() bool {
	if n == nil {
		return false
	}
	for _, kid := range n.kids {
		if kid.advanced() {
			return true
		}
	}
	return n.needs
}

// mentions says whether a clause is about the property.
func (n *filterNode) mentions(name string) bool {
	if n == nil {
		return false
	}
	for _, kid := range n.kids {
		if kid.mentions(name) {
			return true
		}
	}
	return n.property.Name == name
}

// upnSpan bounds the sign-in names that the filter can match, so that a range
// is read without looking at everybody.
func (n *filterNode) upnSpan() span {
	if n == nil {
		return span{}
	}
	if n.op == "and" {
		var s span
		for _, kid := range n.kids {
			k := kid.upnSpan()
			s.lo = max(s.lo, k.lo)
			if s.hi == "" || k.hi != "" && k.hi < s.hi {
				s.hi = k.hi
			}
		}
		return s
	}
	if n.property.Name != "userPrincipalName" || len(n.values) != 1 {
		return span{}
	}
	switch v := n.values[0].text; n.op {
	case "eq":
		return span{v, v}
	case "ge":
		return span{lo: v}
	case "le":
		return span{hi: v}
	case "startsWith":
		return span{v, v + "\xff"}
	default:
		return span{}
	}
}
