package odata

import "strings"

// Term is a condition of a filter, apart from how it is combined with others.
type Term struct {
	// Property is the property of the user that the condition is about.
	Property string
	// Operator is eq, ne, ge, le, gt, lt, in, startsWith, endsWith, contains, or any for
	// an any() that says only that a collection is not empty.
	Operator string
	// Negated is true within not.
	Negated bool
	// Null is true for a comparison with null, Count for one with the /$count of a
	// collection.
	Null, Count bool
	// Values is how many values are compared, more than one for in only, and Longest
	// the length of the longest of them in bytes, without quotes.
	Values, Longest int
}

// Terms returns the conditions of the filter, those of any and all included.
func (f *Filter) Terms() []Term {
	var t terms
	f.root.terms(&t)
	return t.all
}

// Alternatives is how many values Graph has to look for in one place: those of an in, and
// of everything that or joins.
func (f *Filter) Alternatives() int { return alternatives(f.root) }

func alternatives(n node) int {
	switch n := n.(type) {
	case *logical:
		left, right := alternatives(n.left), alternatives(n.right)
		if n.op == "or" {
			return left + right
		}
		return max(left, right)
	case *negation:
		return alternatives(n.operand)
	case *membership:
		return len(n.literals)
	case *lambda:
		if n.predicate != nil {
			return alternatives(n.predicate)
		}
	}
	return 1
}

// terms collects terms while the filter is walked.
type terms struct {
	all     []Term
	lambdas []string // the properties whose any or all surrounds what is walked
	negated int
}

func (t *terms) add(p *path, operator string, literals ...string) {
	term := Term{Property: p.segments[0], Operator: operator, Negated: t.negated > 0, Values: len(literals)}
	if p.variable && len(t.lambdas) > 0 {
		term.Property = t.lambdas[len(t.lambdas)-1]
	}
	term.Count = p.segments[len(p.segments)-1] == "$count"
	for _, literal := range literals {
		term.Null = term.Null || strings.EqualFold(literal, "null")
		term.Longest = max(term.Longest, len(strings.TrimSuffix(strings.TrimPrefix(literal, "'"), "'")))
	}
	t.all = append(t.all, term)
}

func (n *logical) terms(t *terms) {
	n.left.terms(t)
	n.right.terms(t)
}

func (n *negation) terms(t *terms) {
	t.negated++
	n.operand.terms(t)
	t.negated--
}

func (n *comparison) terms(t *terms) { t.add(n.path, n.op, n.literal) }
func (n *membership) terms(t *terms) { t.add(n.path, "in", n.literals...) }
func (n *call) terms(t *terms)       { t.add(n.path, n.function, n.literal) }

func (n *lambda) terms(t *terms) {
	if n.predicate == nil {
		t.add(n.path, n.function)
		return
	}
	property := n.path.segments[0]
	if n.path.variable && len(t.lambdas) > 0 {
		property = t.lambdas[len(t.lambdas)-1]
	}
	t.lambdas = append(t.lambdas, property)
	n.predicate.terms(t)
	t.lambdas = t.lambdas[:len(t.lambdas)-1]
}
