package graph

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// signInActivityTop is the largest page that Graph serves when signInActivity
// is selected (user-list documentation, 2025).
const signInActivityTop = 500

// defaultTop is Graph's page size where the request names none.
const defaultTop = 100

// Query says which users to read and which of their properties. The zero value
// asks for Graph's default properties of everyone, 100 a page.
type Query struct {
	// Select names the properties; empty means Graph's default eleven.
	Select []string
	// Expand is an OData $expand, such as manager($select=id).
	Expand string
	// Filter, OrderBy and Search are OData expressions, not yet escaped.
	Filter, OrderBy, Search string
	// Top is the page size, 1 to 999; 0 leaves it to Graph.
	Top int
	// Count requests @odata.count on the first page.
	Count bool
}

// eventual reports whether the query is an advanced one, which Graph answers
// from its eventually consistent index and only with the header
// ConsistencyLevel: eventual on every page. A filter is always sent that way,
// since the index supports all operators; only $expand cannot be combined with it.
func (q Query) eventual() bool {
	return q.Expand == "" && (q.Filter != "" || q.OrderBy != "" || q.Search != "" || q.Count)
}

// encode returns the query string. Dollar signs stay as they are: Graph's own
// links and documentation write them so.
func (q Query) encode() string {
	var o options
	o.add("$select", strings.Join(q.Select, ","))
	o.add("$expand", q.Expand)
	q.restrict(&o)
	o.add("$orderby", q.OrderBy)
	// $search goes without $count; everything else that is advanced needs it.
	if q.Count || q.eventual() && q.Search == "" {
		o.add("$count", "true")
	}
	if top := q.top(); top > 0 {
		o.add("$top", strconv.Itoa(top))
	}
	return o.String()
}

// countQuery returns the query string of a count, which takes only the options
// that restrict the users.
func (q Query) countQuery() string {
	var o options
	q.restrict(&o)
	return o.String()
}

func (q Query) restrict(o *options) {
	o.add("$filter", q.Filter)
	o.add("$search", q.Search)
}

// options is a query string being written, option by option.
type options []string

func (o *options) add(name, value string) {
	if value != "" {
		*o = append(*o, name+"="+url.QueryEscape(value))
	}
}

func (o *options) String() string { return strings.Join(*o, "&") }

// PageSize is how many users Graph puts on a page of this list at most.
func (q Query) PageSize() int {
	if q.Top == 0 {
		return defaultTop
	}
	return q.top()
}

func (q Query) top() int {
	if q.Top > signInActivityTop && slices.Contains(q.Select, "signInActivity") {
		return signInActivityTop
	}
	return q.Top
}
