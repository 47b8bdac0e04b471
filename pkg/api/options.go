package api

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/odata"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// options are the OData options of a request, checked against what may be seen.
type options struct {
	format mediaType
	// formatGiven says that $format was given, which the next link then keeps.
	formatGiven bool
	columns     []property.Column
	narrowed    bool   // $select was given
	filter      string // the configured one and the caller's
	given       string // the caller's own, for the next link
	search      string
	orderBy     string
	top         int
	topGiven    bool
	count       bool
	skipToken   string
	excel       bool
}

func listOptions() []string {
	return []string{"$select", "$filter", "$search", "$orderby", "$top", "$count", "$skiptoken", "$format", "csv"}
}
func userOptions() []string  { return []string{"$select", "$format"} }
func countOptions() []string { return []string{"$filter", "$search"} }

// parse reads the query string and the headers. Only the options that offered
// names are understood; everything else is an error and never silently ignored.
func (a *API) parse(r *http.Request, offered []string) (*options, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, failure.InvalidRequest("the query string is not properly escaped")
	}
	o := &options{columns: *a.columns.Load(), top: a.request.PageSize}
	if a.filter != nil {
		o.filter = a.filter.String()
	}
	seen := map[string]bool{}
	for name, given := range values {
		lower := strings.ToLower(name)
		switch {
		case lower == "$expand":
			return nil, failure.InvalidRequest("$expand is not offered; select manager where it is among the columns")
		case !slices.Contains(offered, lower):
			return nil, failure.InvalidRequest(fmt.Sprintf("the option %s is not offered here; there are %s", printable(name), strings.Join(offered, ", ")))
		case len(given) > 1 || seen[lower]:
			return nil, failure.InvalidRequest(fmt.Sprintf("the option %s is given more than once", lower))
		}
		seen[lower] = true
		if err := a.option(o, lower, given[0]); err != nil {
			return nil, err
		}
	}
	if o.formatGiven = o.format != unsaid; !o.formatGiven && slices.Contains(offered, "$format") {
		if o.format, err = accepted(r.Header.Values("Accept")); err != nil {
			return nil, err
		}
	}
	return o, o.check()
}

func (a *API) option(o *options, name, value string) (err error) {
	switch name {
	case "$select":
		o.narrowed = true
		o.columns, err = narrow(*a.columns.Load(), value)
	case "$filter":
		filter, parseErr := odata.ParseFilter(value)
		if o.given, err = confined(a, name, filter, parseErr); err == nil {
			o.filter = odata.And(a.filter, filter).String()
		}
	case "$search":
		search, parseErr := odata.ParseSearch(value)
		o.search, err = confined(a, name, search, parseErr)
	case "$orderby":
		order, parseErr := odata.ParseOrder(value)
		o.orderBy, err = confined(a, name, order, parseErr)
	case "$top":
		o.topGiven = true
		o.top, err = parseTop(value, a.request.PageSize)
	case "$count":
		o.count, err = parseBool(name, value)
	case "$skiptoken":
		o.skipToken, err = parseSkipToken(value)
	case "$format":
		o.format, err = parseFormat(value)
	case "csv":
		if o.excel = value == "excel"; !o.excel {
			err = failure.InvalidRequest("csv can be excel, which keeps spreadsheets from running cells as formulas")
		}
	}
	return err
}

// asks reports whether the caller chooses or orders users.
func (o *options) asks() bool { return o.given != "" || o.search != "" || o.orderBy != "" }

// check looks at options that do not go together.
func (o *options) check() error {
	all := o.format == ndjson || o.format == csv
	switch {
	case all && (o.skipToken != "" || o.topGiven):
		return failure.InvalidRequest("ndjson and csv hold all users, so $top and $skiptoken do not go with them")
	case o.excel && o.format != csv:
		return failure.InvalidRequest("csv=excel goes with $format=csv")
	}
	return nil
}

// narrow returns the allowed columns that list names, in the caller's order.
func narrow(allowed []property.Column, list string) ([]property.Column, error) {
	var columns []property.Column
	for name := range strings.SplitSeq(list, ",") {
		c, ok := spell(allowed, strings.TrimSpace(name))
		if !ok {
			return nil, unseen("$select", strings.TrimSpace(name), allowed)
		}
		if !slices.Contains(columns, c) {
			columns = append(columns, c)
		}
	}
	return columns, nil
}

// expression is what package odata has understood.
type expression interface {
	Properties() []string
	Rename(spell func(name string) string)
	String() string
}

// confine makes sure that an expression names columns only: whatever it may
// name it can be used to find out. It gives the names their proper spelling.
func (a *API) confine(option string, e expression) error {
	allowed := *a.columns.Load()
	for _, name := range e.Properties() {
		if c, ok := spell(allowed, name); !ok || !filterable(c) {
			return unseen(option, name, allowed)
		}
	}
	e.Rename(func(name string) string {
		c, _ := spell(allowed, name)
		return c.Name
	})
	return nil
}

// confined returns an expression that was parsed as it may go to Graph.
func confined[E expression](a *API, option string, e E, err error) (string, error) {
	if err != nil {
		return "", failure.InvalidRequest(err.Error())
	}
	if err := a.confine(option, e); err != nil {
		return "", err
	}
	return e.String(), nil
}

func unseen(option, name string, allowed []property.Column) error {
	names := make([]string, len(allowed))
	for i, c := range allowed {
		names[i] = c.Name
	}
	return failure.InvalidRequest(fmt.Sprintf("%s may not name %s; it can name %s", option, printable(name), strings.Join(names, ", ")))
}

func parseTop(value string, pageSize int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		return 0, failure.InvalidRequest(fmt.Sprintf("$top is a number from 1 to %d", pageSize))
	}
	return min(n, pageSize), nil // as Graph does
}

func parseBool(name, value string) (bool, error) {
	switch strings.ToLower(value) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, failure.InvalidRequest(name + " is true or false")
}

// parseSkipToken takes a skiptoken or, for callers that cannot take a link
// apart, the whole nextLink it came in.
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
		return "", failure.InvalidRequest("$skiptoken is not one that a page's @odata.nextLink held")
	}
	return value, nil
}

// printable shows a caller's word in an error without its control characters,
// and not more of it than helps.
func printable(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return strconv.QuoteToASCII(s)
}
