package query

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
)

// operator is a comparison of a user's value with a literal.
type operator struct {
	needs operatorSet
	holds func(value []byte, want string) bool // for ne, whether eq holds
}

var operators = sync.OnceValue(func() map[string]operator {
	equal := func(value []byte, want string) bool { return string(value) == want }
	return map[string]operator{
		"eq":         {opEq, equal},
		"ne":         {opNe, equal},
		"in":         {opIn, equal},
		"ge":         {opGe, func(value []byte, want string) bool { return string(value) >= want }},
		"le":         {opLe, func(value []byte, want string) bool { return string(value) <= want }},
		"startsWith": {opStartsWith, func(value []byte, want string) bool { return bytes.HasPrefix(value, []byte(want)) }},
		"endsWith":   {opEndsWith, func(value []byte, want string) bool { return bytes.HasSuffix(value, []byte(want)) }},
	}
})

func unsupportedClause(name string) *grapherror.Error {
	return grapherror.Unsupported("Unsupported or invalid query filter clause specified for property '" + name + "' of resource 'User'.")
}

// support refuses a clause that Graph does not take at all, and notes whether
// Graph takes it only as an advanced query.
func (n *node) support() *grapherror.Error {
	operator := operators()[n.op]
	need := operator.needs
	n.compare = operator.holds
	for _, v := range n.values {
		if refusal := n.comparable(v); refusal != nil {
			return refusal
		}
		if v.kind == "null" {
			if n.op != "eq" && n.op != "ne" {
				return unsupportedClause(n.property.Name)
			}
			need |= opNull
			need &^= opEq // "eq on null values" is an operator of its own
		}
	}
	if n.size {
		need = opCount
	}
	byDefault, advanced := supported(n.property.Filter)
	n.advanced = !byDefault.has(need)
	if !(byDefault | advanced).has(need) {
		return unsupportedClause(n.property.Name)
	}
	return nil
}

// comparable checks a literal's type against the property's.
func (n *node) comparable(v literal) *grapherror.Error {
	kind := n.property.Type
	if n.item {
		kind = n.itemType
	}
	want := map[string]string{"Edm.String": "string", "Edm.Boolean": "bool", "Edm.DateTimeOffset": "date", "Edm.Guid": "guid"}[kind]
	switch {
	case n.item:
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
	case want == "":
		return unsupportedClause(n.property.Name)
	}
	if v.kind != want && v.kind != "null" {
		return grapherror.BadRequest("A binary operator with incompatible types was detected. Found operand types '" + kind + "' and '" + v.kind + "'.")
	}
	return nil
}

// needsAdvanced says whether any clause needs the header and $count=true.
func (n *node) needsAdvanced() bool {
	return n != nil && (n.advanced || slices.ContainsFunc(n.kids, (*node).needsAdvanced))
}

// alternatives is how many terms the longest chain of or and in has.
func (n *node) alternatives() int {
	if n == nil {
		return 0
	}
	total := max(1, len(n.values))
	for i, kid := range n.kids {
		switch k := kid.alternatives(); {
		case n.op == "or" && i > 0:
			total += k
		default:
			total = max(total, k)
		}
	}
	return total
}

// mixesSignIns says whether a filter by sign-in activity has other clauses too, which
// Graph does not combine.
func (n *node) mixesSignIns() bool {
	return n.mentions("signInActivity") && n.mentionsOther("signInActivity")
}

func (n *node) mentionsOther(name string) bool {
	return n != nil && (n.property.Name != "" && n.property.Name != name ||
		slices.ContainsFunc(n.kids, func(kid *node) bool { return kid.mentionsOther(name) }))
}

// mentions says whether a clause is about the property.
func (n *node) mentions(name string) bool {
	return n != nil && (n.property.Name == name || slices.ContainsFunc(n.kids, func(kid *node) bool { return kid.mentions(name) }))
}

// bound finds the users that the query is about, so that few are read without looking
// at everybody.
func (q *Query) bound() {
	q.Order.Within = q.filter.upnRange()
	if q.Order.By == "" {
		q.Order.Among = q.filter.among()
	}
}

// among are the ids of the only users that the filter can match, nil if it does not
// name them.
func (n *node) among() []string {
	switch {
	case n == nil:
	case n.op == "and":
		for _, kid := range n.kids {
			if ids := kid.among(); ids != nil {
				return ids
			}
		}
	case n.property.Name == "id" && (n.op == "eq" || n.op == "in"):
		ids := make([]string, 0, len(n.values))
		for _, v := range n.values {
			if !slices.Contains(ids, v.text) {
				ids = append(ids, v.text)
			}
		}
		return ids
	}
	return nil
}

// upnRange bounds the sign-in names that the filter can match, so that a range
// is read without looking at everybody.
func (n *node) upnRange() (r people.Range) {
	switch {
	case n == nil:
	case n.op == "and":
		for _, kid := range n.kids {
			k := kid.upnRange()
			r.Low = max(r.Low, k.Low)
			if r.High == "" || k.High != "" && k.High < r.High {
				r.High = k.High
			}
		}
	case n.property.Name == "userPrincipalName" && len(n.values) == 1:
		switch v := n.values[0].text; n.op {
		case "eq":
			return people.Range{Low: v, High: v}
		case "ge":
			return people.Range{Low: v}
		case "le":
			return people.Range{High: v}
		case "startsWith":
			return people.Range{Low: v, High: v + "\xff"}
		}
	}
	return r
}
