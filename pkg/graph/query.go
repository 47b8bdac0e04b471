package graph

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const signInActivity = "signInActivity"

// The largest pages that Graph serves when signInActivity is selected or filtered by
// (user-list documentation, 2025), and in an advanced query, where it was reported to be
// missing silently beyond 120 users (msgraph-sdk-powershell issue 1898).
const (
	signInActivityTop         = 500
	advancedSignInActivityTop = 120
)

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
	// Advanced says that the query is known to need Graph's advanced capabilities.
	// Otherwise a filter or order is sent plainly first, and as an advanced query
	// where Graph refuses that.
	Advanced bool
}

// advanced reports whether the query is an advanced one from the start, which Graph
// answers from its eventually consistent index and only with the header
// ConsistencyLevel: eventual on every page. Only $expand cannot be combined with it.
func (q Query) advanced() bool {
	return q.Expand == "" && (q.Advanced || q.Search != "" || q.Filter != "" && q.OrderBy != "")
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
	if q.advanced() && q.Search == "" {
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

// Combines reports whether Graph combines the filter with other conditions, which it does
// not with one by signInActivity.
func (q Query) Combines() bool { return !q.filtersBySignIn() }

func (q Query) filtersBySignIn() bool {
	return strings.Contains(asciiLower(q.Filter), asciiLower(signInActivity))
}

// PageSize is how many users Graph puts on a page of this list at most.
func (q Query) PageSize() int {
	if q.Top == 0 {
		return defaultTop
	}
	return q.top()
}

func (q Query) top() int {
	switch {
	case !slices.Contains(q.Select, signInActivity) && !q.filtersBySignIn():
		return q.Top
	case q.advanced():
		return min(q.Top, advancedSignInActivityTop)
	}
	return min(q.Top, signInActivityTop)
}
