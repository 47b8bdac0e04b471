package simulator

import (
	"crypto/sha256"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// order is how a list is sorted.
type order int

const (
	orderNone order = iota
	orderUPN
	orderUPNDesc
	orderName
	orderNameDesc
)

// listQuery is a list request, understood.
type listQuery struct {
	selected []string // nil without $select
	columns  []column
	manager  bool // $expand=manager
	filter   *filterNode
	search   searchExpr
	order    order
	span     span // the sign-in names that the filter can match
	top      int
	topGiven bool
	count    bool // $count=true with the header
	advanced bool // cannot be served without the header
	skip     string
	echo     string // the query as a link repeats it, without $skiptoken
	hash     [8]byte
}

// parameter is one query parameter, decoded.
type parameter struct{ name, value string }

// parameters takes a raw query apart, in order.
func parameters(raw string) ([]parameter, *graphError) {
	var all []parameter
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		n, err := url.QueryUnescape(name)
		if err != nil {
			return nil, badRequest("The query string is not valid.")
		}
		v, err := url.QueryUnescape(value)
		if err != nil {
			return nil, badRequest("The query string is not valid.")
		}
		all = append(all, parameter{n, v})
	}
	return all, nil
}

// parseList understands a request for /users. eventual says that it carries
// ConsistencyLevel: eventual.
func (t *Tenant) parseList(raw string, eventual bool) (*listQuery, *graphError) {
	all, refusal := parameters(raw)
	if refusal != nil {
		return nil, refusal
	}
	q := &listQuery{top: t.config.PageSize}
	values := map[string]string{}
	var echo []string
	for _, p := range all {
		name := strings.ToLower(p.name)
		if !strings.HasPrefix(name, "$") {
			continue // v1.0 takes it for a custom option and ignores it
		}
		if _, twice := values[name]; twice {
			return nil, badRequest("Query option '" + p.name + "' was specified more than once, but it must be specified at most once.")
		}
		values[name] = p.value
		if name != "$skiptoken" {
			echo = append(echo, netEncode(p.name)+"="+netEncode(p.value))
		}
	}
	q.echo = strings.Join(echo, "&")
	sum := sha256.Sum256([]byte(q.echo))
	copy(q.hash[:], sum[:8])
	for _, option := range slices.Sorted(keys(values)) {
		if refusal := t.option(q, option, values[option], eventual); refusal != nil {
			return nil, refusal
		}
	}
	return q, t.check(q, values, eventual)
}

func keys(m map[string]string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// option takes one system query option into the query.
func (t *Tenant) option(q *listQuery, name, value string, eventual bool) (refusal *graphError) {
	switch name {
	case "$select":
		q.selected, refusal = selection(value)
	case "$top":
		n, err := strconv.Atoi(value)
		if err != nil {
			return badRequest("Invalid value '" + value + "' for $top query option found. The $top query option requires a non-negative integer value.")
		}
		if n > MaxTop && t.config.ClampTop {
			n = MaxTop
		}
		if n < 1 || n > MaxTop {
			return badRequest("Invalid page size specified: '" + strconv.Itoa(n) + "'. Must be between 1 and 999 inclusive.")
		}
		q.top, q.topGiven = n, true
	case "$count":
		switch strings.ToLower(value) {
		case "true":
			q.count = eventual
		case "false":
		default:
			return badRequest("Invalid value '" + value + "' for $count query option found. Valid values are 'true' and 'false'.")
		}
	case "$filter":
		q.filter, refusal = parseFilter(value)
	case "$orderby":
		q.order, refusal = parseOrder(value)
	case "$search":
		q.search, refusal = parseSearch(value)
	case "$expand":
		switch strings.ReplaceAll(value, " ", "") {
		case "manager", "manager($select=id)":
			q.manager = true
		default:
			return refuse(http.StatusBadRequest, "ExpandNotSupported", "Only $expand=manager($select=id) is served by this tenant.")
		}
	case "$format":
		if value != "json" && !strings.HasPrefix(value, "application/json") {
			return badRequest("A supported MIME type could not be found that matches the acceptable MIME types for the request.")
		}
	case "$skiptoken":
		q.skip = value
	case "$skip":
		return badRequest("'$skip' is not supported by the service.")
	default:
		return badRequest("The query option '" + name + "' is not supported.")
	}
	return refusal
}

// check holds the parts of a query against each other.
func (t *Tenant) check(q *listQuery, values map[string]string, eventual bool) *graphError {
	if refusal := q.resolve(); refusal != nil {
		return refusal
	}
	advanced := q.filter.advanced() || q.filter != nil && q.order != orderNone
	switch {
	case t.config.B2C && (advanced || values["$search"] != "" || q.count):
		return unsupported("Advanced queries are not supported in this tenant.")
	case values["$search"] != "" && !eventual:
		return unsupported("Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'")
	case advanced && !q.count:
		return unsupported("Operator or clause is not supported because the required parameters might be missing. To use it, set $count=true and the header ConsistencyLevel: eventual.")
	case q.manager && (advanced || q.count || values["$search"] != ""):
		return unsupported("$expand is not supported with advanced queries.")
	}
	q.advanced = advanced || q.count || values["$search"] != ""
	if slices.Contains(q.selected, "signInActivity") || q.filter.mentions("signInActivity") {
		q.top = min(q.top, MaxTopSignIn)
	}
	q.span = q.filter.upnSpan()
	return nil
}

// netEncode encodes as the service's own platform does: lower-case digits and a
// plus for a space. What comes back is not what was sent, letter for letter.
func netEncode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.!*()$", c) >= 0:
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
	return b.String()
}
