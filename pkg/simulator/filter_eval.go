package simulator

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// matcher tries a query on one user after the other, without garbage.
type matcher struct {
	user person
	evaluation
}

func (m *matcher) match(p *people, q *listQuery, index uint64) bool {
	if q.filter == nil && len(q.search) == 0 {
		return true
	}
	m.user = p.person(index)
	return m.evaluation.match(q.filter, &m.user) && q.search.match(&m.user)
}

// evaluation holds the buffers of a filter's run over many users.
type evaluation struct {
	raw    []byte
	folded []byte
}

// match says whether the user passes the filter. Every user passes none.
func (e *evaluation) match(n *filterNode, u *person) bool {
	if n == nil {
		return true
	}
	switch n.op {
	case "and":
		for _, kid := range n.kids {
			if !e.match(kid, u) {
				return false
			}
		}
		return true
	case "or":
		for _, kid := range n.kids {
			if e.match(kid, u) {
				return true
			}
		}
		return false
	case "not":
		return !e.match(n.kids[0], u)
	default:
		value, null := e.value(n, u)
		return n.holds(value, null)
	}
}

// holds compares the user's value with the clause's. A null is equal to null
// and to nothing else, and has no place in an order.
func (n *filterNode) holds(value []byte, null bool) bool {
	switch n.op {
	case "in":
		for _, v := range n.values {
			if !null && string(value) == v.text {
				return true
			}
		}
		return false
	case "eq", "ne":
		v := n.values[0]
		equal := null == (v.kind == "null") && (null || string(value) == v.text)
		return equal == (n.op == "eq")
	}
	if null {
		return false
	}
	switch want := n.values[0].text; n.op {
	case "ge":
		return string(value) >= want
	case "le":
		return string(value) <= want
	case "startsWith":
		return bytes.HasPrefix(value, []byte(want))
	case "endsWith":
		return bytes.HasSuffix(value, []byte(want))
	default:
		return false
	}
}

// value reads what the list would show: the text of the property's JSON, folded
// for comparison.
func (e *evaluation) value(n *filterNode, u *person) (value []byte, null bool) {
	e.raw = n.emit(e.raw[:0], u)
	raw := e.raw
	switch {
	case n.size:
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return nil, true
		}
		return strconv.AppendInt(e.folded[:0], int64(len(list)), 10), false
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
	e.folded = appendFolded(e.folded[:0], raw)
	return e.folded, false
}

// appendFolded takes a JSON string out of its quotes and folds its case.
func appendFolded(dst, raw []byte) []byte {
	for _, c := range raw[1 : len(raw)-1] {
		if c == '\\' || c >= utf8.RuneSelf {
			return append(dst[:0], foldKey(unescape(string(raw[1:len(raw)-1])))...)
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// unescape reads the inside of a JSON string.
func unescape(inside string) string {
	if strings.IndexByte(inside, '\\') < 0 {
		return inside
	}
	var s string
	if json.Unmarshal([]byte(`"`+inside+`"`), &s) != nil {
		return inside
	}
	return s
}
