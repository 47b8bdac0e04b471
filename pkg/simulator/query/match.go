package query

import (
	"encoding/json"
	"strconv"

	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
)

// Matcher tries a query on one user after the other and reuses its buffers.
type Matcher struct {
	query  *Query
	user   *people.Person
	item   json.RawMessage // of a collection, inside any
	raw    []byte
	folded []byte
}

// Matcher makes a matcher. It is for one goroutine.
func (q *Query) Matcher() *Matcher { return &Matcher{query: q} }

// MatchesAll says that the query finds everybody.
func (q *Query) MatchesAll() bool { return q.filter == nil && len(q.search) == 0 }

// Match says whether the query finds the user.
func (m *Matcher) Match(u *people.Person) bool {
	if m.query.MatchesAll() {
		return true
	}
	m.user = u
	return (m.query.filter == nil || m.match(m.query.filter)) && m.query.search.match(u)
}

// match says whether the filter accepts the user.
func (m *Matcher) match(n *node) bool {
	switch n.op {
	case "and", "or":
		for _, kid := range n.kids {
			if m.match(kid) == (n.op == "or") {
				return n.op == "or"
			}
		}
		return n.op == "and"
	case "any":
		return m.matchAny(n)
	case "not":
		return !m.match(n.kids[0])
	default:
		value, null := m.value(n)
		return n.holds(value, null)
	}
}

// holds compares the user's value with the clause's. A null is equal to null
// and to nothing else, and has no place in an order.
func (n *node) holds(value []byte, null bool) bool {
	found := false
	for _, v := range n.values {
		if null || v.kind == "null" {
			found = found || null && v.kind == "null"
		} else {
			found = found || n.compare(value, v.text)
		}
	}
	return found != (n.op == "ne")
}

// value reads what the list would show: the text of the property's JSON, folded
// for comparison.
func (m *Matcher) value(n *node) (value []byte, null bool) {
	raw := []byte(m.item)
	if !n.item {
		m.raw = n.emit(m.user, m.raw[:0])
		raw = m.raw
	}
	switch {
	case n.size:
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return nil, true
		}
		return strconv.AppendInt(m.folded[:0], int64(len(list)), 10), false
	case n.path != "":
		var object map[string]json.RawMessage
		if json.Unmarshal(raw, &object) != nil {
			return nil, true
		}
		raw = object[n.path]
	}
	if len(raw) == 0 || string(raw) == "null" {
		return nil, true
	}
	if raw[0] != '"' {
		return raw, false
	}
	m.folded = people.Fold(m.folded, raw)
	return m.folded, false
}
