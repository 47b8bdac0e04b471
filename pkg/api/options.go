package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/advanced"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/odata"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// options are the OData options of a request, checked against the allow-list.
type options struct {
	format       mediaType
	formatGiven  bool // $format was given, which the next link then repeats
	columns      []property.Column
	selected     bool   // $select was given
	filter       string // the configured one and the caller's
	callerFilter string // the caller's alone, for the next link
	search       string
	orderBy      string
	query        advanced.Query // what is asked of Graph with all of them
	top          int
	topGiven     bool
	count        bool
	skipToken    string
	excel        bool
}

func listOptions() []string {
	return []string{"$select", "$filter", "$search", "$orderby", "$top", "$count", "$skiptoken", "$format", "csv"}
}
func userOptions() []string  { return []string{"$select", "$format"} }
func countOptions() []string { return []string{"$filter", "$search"} }

// parse reads the query string and the headers. An option that is not among the
// supported ones is an error; none is silently ignored.
func (a *API) parse(r *http.Request, supported []string) (*options, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, failure.InvalidRequest("the query string is not properly escaped")
	}
	o := &options{columns: *a.columns.Load(), top: a.request.PageSize}
	if a.filter != nil {
		o.filter, o.query.Filter = a.filter.String(), a.filter
	}
	seen := map[string]bool{}
	for name, given := range values {
		lower := strings.ToLower(name)
		switch {
		case lower == "$expand":
			return nil, failure.InvalidRequest("$expand is not supported; select manager if it is among the columns")
		case !slices.Contains(supported, lower):
			return nil, failure.InvalidRequest(fmt.Sprintf("the option %s is not supported here; %s are", printable(name), strings.Join(supported, ", ")))
		case len(given) > 1 || seen[lower]:
			return nil, failure.InvalidRequest(fmt.Sprintf("the option %s is given more than once", lower))
		}
		seen[lower] = true
		if err := a.option(o, lower, given[0]); err != nil {
			return nil, err
		}
	}
	if o.formatGiven = o.format != unspecified; !o.formatGiven && slices.Contains(supported, "$format") {
		if o.format, err = accepted(r.Header.Values("Accept"), a.offers()); err != nil {
			return nil, err
		}
	}
	if slices.Contains(supported, "$select") {
		o.query.Columns = o.columns
	}
	return o, o.check()
}

func (a *API) option(o *options, name, value string) (err error) {
	switch name {
	case "$select":
		o.selected = true
		o.columns, err = parseSelect(*a.columns.Load(), value)
	case "$filter":
		filter, parseErr := odata.ParseFilter(value)
		if o.callerFilter, err = restrict(*a.columns.Load(), name, filter, parseErr); err == nil {
			o.query.Filter = odata.And(a.filter, filter)
			o.filter = o.query.Filter.String()
		}
	case "$search":
		search, parseErr := odata.ParseSearch(value)
		o.query.Search = search
		o.search, err = restrict(*a.columns.Load(), name, search, parseErr)
	case "$orderby":
		order, parseErr := odata.ParseOrder(value)
		o.query.Order = order
		o.orderBy, err = restrict(*a.columns.Load(), name, order, parseErr)
	case "$top":
		o.topGiven = true
		o.top, err = parseTop(value, a.request.PageSize)
	case "$count":
		o.count, err = parseBool(name, value)
	case "$skiptoken":
		o.skipToken, err = parseSkipToken(value)
	case "$format":
		o.format, err = a.parseFormat(value)
	case "csv":
		if o.excel = value == "excel"; !o.excel {
			err = failure.InvalidRequest("csv can only be excel, which keeps spreadsheets from running cells as formulas")
		}
	}
	return err
}

// hasExpression reports whether the caller filters, searches or orders users.
func (o *options) hasExpression() bool {
	return o.callerFilter != "" || o.search != "" || o.orderBy != ""
}

// check refuses options that contradict each other, or that Graph cannot combine.
func (o *options) check() error {
	all := o.format != unspecified && o.format != pageJSON
	switch {
	case all && (o.skipToken != "" || o.topGiven):
		return failure.InvalidRequest("every format but json returns all users, so it cannot be combined with $top or $skiptoken")
	case o.excel && o.format != csv:
		return failure.InvalidRequest("csv=excel needs $format=csv")
	}
	return conflict(o.query)
}

// conflict is the error of a query whose parts Graph cannot combine.
func conflict(q advanced.Query) error {
	if err := q.Conflict(); err != nil {
		return failure.InvalidRequest("the request " + err.Error())
	}
	return nil
}

func parseTop(value string, pageSize int) (int, error) {
	n, err := strconv.ParseInt(value, 10, 32)
	if err != nil || n < 1 {
		return 0, failure.InvalidRequest(fmt.Sprintf("$top has to be a number from 1 to %d", pageSize))
	}
	return min(int(n), pageSize), nil // as Graph does
}

func parseBool(name, value string) (bool, error) {
	switch strings.ToLower(value) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, failure.InvalidRequest(name + " has to be true or false")
}

// parseSkipToken reads a skiptoken or, for callers that cannot parse a link, the
// whole nextLink that it came in.
func parseSkipToken(value string) (string, error) {
	if token := graph.SkipToken(value); token != "" {
		value = token
	}
	for _, c := range []byte(value) {
		if c <= ' ' || c >= 0x7f {
			value = ""
			break
		}
	}
	if value == "" {
		return "", failure.InvalidRequest("$skiptoken is not from the @odata.nextLink of a page")
	}
	return value, nil
}

// printable shortens what a caller wrote and escapes its control characters, so
// that an error can quote it.
func printable(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return strconv.QuoteToASCII(s)
}
