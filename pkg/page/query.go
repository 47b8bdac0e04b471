package page

import (
	"net/url"
	"slices"
	"strings"
)

// The options of the API that the page knows by name.
const (
	selectOption  = "$select"
	filterOption  = "$filter"
	searchOption  = "$search"
	orderByOption = "$orderby"
	topOption     = "$top"
	skipOption    = "$skiptoken"
	countOption   = "$count"
	formatOption  = "$format"
	fromOption    = "from" // the page's own: the number of the first row
)

// option is one parameter of a query string.
type option struct{ name, value string }

// query is a query string in the order in which it is written.
type query []option

// parseQuery reads the query string of a request. The names of the API's options are in
// lower case, since it reads them in any.
func parseQuery(r *url.URL) query {
	var q query
	for pair := range strings.SplitSeq(r.RawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, errName := url.QueryUnescape(name)
		value, errValue := url.QueryUnescape(value)
		if pair == "" || errName != nil || errValue != nil {
			continue
		}
		if strings.HasPrefix(name, "$") {
			name = strings.ToLower(name)
		}
		q = append(q, option{name, value})
	}
	return q
}

// String writes the query string. A $ in a name stays as it is, so that people can read it.
func (q query) String() string {
	var b strings.Builder
	for i, o := range q {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(strings.ReplaceAll(url.QueryEscape(o.name), "%24", "$") + "=" + url.QueryEscape(o.value))
	}
	return b.String()
}

// get returns the first value of an option, "" if there is none.
func (q query) get(name string) string {
	for _, o := range q {
		if o.name == name {
			return o.value
		}
	}
	return ""
}

// without returns the query without some options.
func (q query) without(names ...string) query {
	return slices.DeleteFunc(slices.Clone(q), func(o option) bool { return slices.Contains(names, o.name) })
}

// with returns the query with one value for an option, and without it if that is "".
func (q query) with(name, value string) query {
	q = q.without(name)
	if value != "" {
		q = append(q, option{name, value})
	}
	return q
}

// only returns the query with some options alone.
func (q query) only(names ...string) query {
	return slices.DeleteFunc(slices.Clone(q), func(o option) bool { return !slices.Contains(names, o.name) })
}

// link is a path with a query string, below the prefix of the front.
func link(prefix, path string, q query) string {
	if len(q) == 0 {
		return prefix + path
	}
	return prefix + path + "?" + q.String()
}
