package graph

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const usersPath = "/v1.0/users"

// signInActivityTop is the largest page that Graph serves when signInActivity
// is selected (user-list documentation, 2025).
const signInActivityTop = 500

// Query says which users to ask for and what of them. The zero value asks for
// Graph's default properties of everyone, 100 a page.
type Query struct {
	// Select names the properties; empty means Graph's default eleven.
	Select []string
	// Expand is an OData $expand, such as manager($select=id).
	Expand string
	// Filter, OrderBy and Search are OData expressions, not yet escaped.
	Filter, OrderBy, Search string
	// Top is the page size, 1 to 999; 0 leaves it to Graph.
	Top int
	// Count asks for @odata.count on the first page.
	Count bool
}

// eventual reports whether the query is an advanced one, which Graph answers
// from its eventually consistent index and only with the header
// ConsistencyLevel: eventual on every page. A filter is always asked that way,
// since the index answers all operators; only $expand cannot go with it.
func (q Query) eventual() bool {
	return q.Expand == "" && (q.Filter != "" || q.OrderBy != "" || q.Search != "" || q.Count)
}

// encode returns the query string. Dollar signs stay as they are: Graph's own
// links and documentation write them so.
func (q Query) encode() string {
	var b strings.Builder
	add := func(name, value string) {
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name)
		b.WriteByte('=')
		b.WriteString(url.QueryEscape(value))
	}
	if len(q.Select) > 0 {
		add("$select", strings.Join(q.Select, ","))
	}
	if q.Expand != "" {
		add("$expand", q.Expand)
	}
	if q.Filter != "" {
		add("$filter", q.Filter)
	}
	if q.Search != "" {
		add("$search", q.Search)
	}
	if q.OrderBy != "" {
		add("$orderby", q.OrderBy)
	}
	// $search goes without $count; everything else that is advanced needs it.
	if q.Count || q.eventual() && q.Search == "" {
		add("$count", "true")
	}
	if top := q.top(); top > 0 {
		add("$top", strconv.Itoa(top))
	}
	return b.String()
}

// filterOnly returns the query string of a count, which takes only a filter.
func (q Query) filterOnly() string {
	if q.Filter == "" {
		return ""
	}
	return "$filter=" + url.QueryEscape(q.Filter)
}

func (q Query) top() int {
	if q.Top > signInActivityTop && slices.Contains(q.Select, "signInActivity") {
		return signInActivityTop
	}
	return q.Top
}
