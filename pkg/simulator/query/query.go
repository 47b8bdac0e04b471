// Package query understands what a request to /users asks for: its options, their
// limits, and which users its filter and search find. It imports packages
// directory, grapherror, people, tenant and property only.
package query

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/simulator/directory"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
	"github.com/rollcall-dev/rollcall/pkg/simulator/tenant"
)

// maxTopSignIn is the largest page with signInActivity selected.
const maxTopSignIn = 500

// Query is a request, understood.
type Query struct {
	// Select is the $select list, nil without one; Columns what it selects.
	Select  []string
	Columns []people.Column
	// Manager is the expanded manager, nil without one.
	Manager *Expansion
	// Order is how the list is sorted, Top its page size.
	Order directory.Order
	Top   int
	// Count asks for @odata.count. Advanced says that the query cannot be served
	// without the header ConsistencyLevel: eventual.
	Count, Advanced bool
	// SkipToken is the page token, Echo the query as a link repeats it without one,
	// and Hash a hash of Echo.
	SkipToken string
	Echo      string
	Hash      [8]byte

	filter *node
	search searchExpr
}

// Uses says whether the property, of a user or of the expanded manager, is selected or
// filtered by.
func (q *Query) Uses(name string) bool {
	return slices.Contains(q.Select, name) || q.filter.mentions(name) || q.Manager != nil && slices.Contains(q.Manager.Select, name)
}

// parameter is one query parameter, decoded.
type parameter struct{ name, value string }

// parameters parses a raw query, in order.
func parameters(raw string) ([]parameter, *grapherror.Error) {
	var all []parameter
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		n, nameErr := url.QueryUnescape(name)
		v, valueErr := url.QueryUnescape(value)
		if nameErr != nil || valueErr != nil {
			return nil, invalidQuery()
		}
		all = append(all, parameter{n, v})
	}
	return all, nil
}

func invalidQuery() *grapherror.Error {
	return grapherror.BadRequest("The query string is not valid.")
}

func specifiedTwice(name string) *grapherror.Error {
	return grapherror.BadRequest("Query option '" + name + "' was specified more than once, but it must be specified at most once.")
}

func unknownOption(name string) *grapherror.Error {
	return grapherror.BadRequest("The query option '" + name + "' is not supported.")
}

// List understands a request for /users. eventual says that it carries
// ConsistencyLevel: eventual.
func List(config tenant.Config, raw string, eventual bool) (*Query, *grapherror.Error) {
	all, refusal := parameters(raw)
	if refusal != nil {
		return nil, refusal
	}
	q := &Query{Top: config.PageSize}
	values := map[string]string{}
	var echo []string
	for _, p := range all {
		name := strings.ToLower(p.name)
		if !strings.HasPrefix(name, "$") {
			continue // v1.0 takes it for a custom option and ignores it
		}
		if _, twice := values[name]; twice {
			return nil, specifiedTwice(p.name)
		}
		values[name] = p.value
		if name != "$skiptoken" {
			echo = append(echo, netEncode(p.name)+"="+netEncode(p.value))
		}
	}
	q.Echo = strings.Join(echo, "&")
	sum := sha256.Sum256([]byte(q.Echo))
	copy(q.Hash[:], sum[:8])
	for _, option := range slices.Sorted(maps.Keys(values)) {
		if refusal := q.option(config, option, values[option], eventual); refusal != nil {
			return nil, refusal
		}
	}
	if config.B2C && (eventual || strings.EqualFold(values["$count"], "true")) {
		return nil, noAdvancedQueries()
	}
	return q, q.check(config, values["$search"] != "", eventual)
}

// option takes one system query option into the query.
func (q *Query) option(config tenant.Config, name, value string, eventual bool) (refusal *grapherror.Error) {
	switch name {
	case "$select":
		q.Select, refusal = selection(value)
	case "$top":
		q.Top, refusal = top(value, config.ClampTop)
	case "$count":
		switch strings.ToLower(value) {
		case "true":
			q.Count = eventual
		case "false":
		default:
			return grapherror.BadRequest("Invalid value '" + value + "' for $count query option found. Valid values are 'true' and 'false'.")
		}
	case "$filter":
		q.filter, refusal = parseFilter(value)
	case "$orderby":
		q.Order, refusal = parseOrder(value)
	case "$search":
		q.search, refusal = parseSearch(value)
	case "$expand":
		q.Manager, refusal = parseExpand(value)
	case "$format":
		if value != "json" && !strings.HasPrefix(value, "application/json") {
			return grapherror.BadRequest("A supported MIME type could not be found that matches the acceptable MIME types for the request.")
		}
	case "$skiptoken":
		q.SkipToken = value
	case "$skip":
		return grapherror.BadRequest("'$skip' is not supported by the service.")
	default:
		return unknownOption(name)
	}
	return refusal
}

func top(value string, clamp bool) (int, *grapherror.Error) {
	n, err := strconv.Atoi(value)
	switch {
	case err != nil:
		return 0, grapherror.BadRequest("Invalid value '" + value + "' for $top query option found. The $top query option requires a non-negative integer value.")
	case n > tenant.MaxTop && clamp:
		return tenant.MaxTop, nil
	case n < 1 || n > tenant.MaxTop:
		return 0, grapherror.BadRequest("Invalid page size specified: '" + strconv.Itoa(n) + "'. Must be between 1 and 999 inclusive.")
	}
	return n, nil
}

// check checks whether the parts of a query go together.
func (q *Query) check(config tenant.Config, searches, eventual bool) *grapherror.Error {
	if refusal := q.resolve(); refusal != nil {
		return refusal
	}
	advanced := q.filter.needsAdvanced() || q.filter != nil && q.Order.By != ""
	switch {
	case config.B2C && (advanced || searches):
		return noAdvancedQueries()
	case config.NoDescending && q.Order.Descending:
		return noSorting()
	case searches && !eventual:
		return grapherror.Unsupported("Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'")
	case q.filter.mixesSignIns():
		return grapherror.Unsupported("The filter on signInActivity cannot be combined with filters on other properties.")
	case !q.Count && q.filter.alternatives() > maxAlternatives:
		return grapherror.Unsupported("Too many child clauses specified in search filter expression containing 'OR' operators: " +
			"the maximum allowed is 15.")
	case advanced && !q.Count:
		return NeedsHeader()
	case q.Manager != nil && q.Manager.Levels > 1:
		return grapherror.Unsupported("Transitive manager's list is only supported on a single user, send the $expand request on /users/{id} endpoint")
	case q.Manager != nil && (advanced || q.Count || searches):
		return grapherror.Unsupported("$expand is not supported with advanced queries.")
	}
	q.Advanced = advanced || q.Count || searches
	if q.Uses("signInActivity") {
		q.Top = min(q.Top, maxTopSignIn)
	}
	q.bound()
	return nil
}

func noAdvancedQueries() *grapherror.Error {
	return grapherror.Unsupported("Advanced queries are not supported in this tenant.")
}

// NeedsHeader refuses an advanced query without its header.
func NeedsHeader() *grapherror.Error {
	return grapherror.Unsupported("Operator or clause is not supported because the required parameters might be missing. To use it, set $count=true and the header ConsistencyLevel: eventual.")
}

// Count understands the options of /users/$count: $filter and $search.
func Count(raw string) (*Query, *grapherror.Error) {
	all, refusal := parameters(raw)
	if refusal != nil {
		return nil, refusal
	}
	q := &Query{}
	for _, p := range all {
		switch {
		case p.name == "$filter" || p.name == "$search":
			refusal = q.option(tenant.Config{}, p.name, p.value, true)
		case p.name != "$count" && strings.HasPrefix(p.name, "$"):
			refusal = unknownOption(p.name)
		}
		if refusal != nil {
			return nil, refusal
		}
	}
	q.bound()
	return q, nil
}

// Single understands the options of a single read: $select, or else names, and $expand.
// byID says that the user was asked for by object id, eventual that the request carries
// ConsistencyLevel: eventual.
func Single(raw string, names []string, byID, eventual bool) (q *Query, refusal *grapherror.Error) {
	all, refusal := parameters(raw)
	if refusal != nil {
		return nil, refusal
	}
	q = &Query{}
	seen := map[string]bool{}
	for _, p := range all {
		switch name := strings.ToLower(p.name); {
		case name != "$select" && name != "$expand":
			continue
		case seen[name]:
			return nil, specifiedTwice(p.name)
		default:
			seen[name] = true
			if refusal := q.option(tenant.Config{}, name, p.value, eventual); refusal != nil {
				return nil, refusal
			}
		}
	}
	switch {
	case slices.Contains(q.Select, "signInActivity") && !byID:
		return nil, grapherror.BadRequest("Get By Key only supports UserId and the key has to be a valid Guid")
	case q.Manager != nil && q.Manager.Levels > 1 && !eventual:
		return nil, NeedsHeader()
	}
	q.Columns, refusal = columnsOf(q.Select, names)
	return q, refusal
}

func noSorting() *grapherror.Error {
	return grapherror.Unsupported("Sorting not supported for current query.")
}

// parseOrder reads an $orderby by one property.
func parseOrder(s string) (directory.Order, *grapherror.Error) {
	words := strings.Fields(s)
	descending := len(words) == 2 && words[1] == "desc"
	if len(words) == 0 || len(words) > 2 || len(words) == 2 && !descending && words[1] != "asc" {
		return directory.Order{}, grapherror.BadRequest("Syntax error in the $orderby clause.")
	}
	if words[0] != "userPrincipalName" && words[0] != "displayName" {
		return directory.Order{}, noSorting()
	}
	return directory.Order{By: words[0], Descending: descending}, nil
}

// netEncode encodes as the service's own platform does: lower-case digits and a
// plus for a space. The result differs in spelling from what was sent.
func netEncode(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-_.!*()$", c) >= 0:
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}
