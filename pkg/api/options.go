package api

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/roll"
)

// options are the OData options of a request, checked against what may be seen.
type options struct {
	columns   []roll.Column
	narrowed  bool // $select was given
	top       int
	count     bool
	skipToken string
}

// parseOptions reads the query string. Only what is named here is understood;
// everything else is an error and never silently ignored.
func parseOptions(rawQuery string, allowed []roll.Column, pageSize int) (options, error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return options{}, failure.InvalidRequest("the query string is not properly escaped")
	}
	o := options{columns: allowed, top: pageSize}
	for name, given := range values {
		if len(given) > 1 {
			return options{}, failure.InvalidRequest(fmt.Sprintf("the option %s is given %d times", printable(name), len(given)))
		}
		value := given[0]
		switch strings.ToLower(name) {
		case "$select":
			o.narrowed = true
			o.columns, err = narrow(allowed, value)
		case "$top":
			o.top, err = parseTop(value, pageSize)
		case "$count":
			o.count, err = parseBool(name, value)
		case "$skiptoken":
			o.skipToken, err = parseSkipToken(value)
		case "$format":
			if !strings.EqualFold(value, "json") && !strings.EqualFold(value, "application/json") {
				err = failure.InvalidRequest("$format can be json")
			}
		case "$expand":
			err = failure.InvalidRequest("$expand is not offered; select manager where it is among the columns")
		default:
			err = failure.InvalidRequest(fmt.Sprintf("the option %s is not offered; there are $select, $top, $count, $skiptoken and $format", printable(name)))
		}
		if err != nil {
			return options{}, err
		}
	}
	return o, nil
}

// narrow returns the allowed columns that list names, in the caller's order.
func narrow(allowed []roll.Column, list string) ([]roll.Column, error) {
	var columns []roll.Column
	for name := range strings.SplitSeq(list, ",") {
		name = strings.TrimSpace(name)
		found := false
		for _, c := range allowed {
			if strings.EqualFold(c.Name, name) {
				columns, found = append(columns, c), true
				break
			}
		}
		if !found {
			return nil, failure.InvalidRequest(fmt.Sprintf("$select may not name %s; it can be any of %s", printable(name), names(allowed)))
		}
	}
	return columns, nil
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
			return "", failure.InvalidRequest("$skiptoken is not one that a page's @odata.nextLink held")
		}
	}
	return value, nil
}

func names(columns []roll.Column) string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = c.Name
	}
	return strings.Join(all, ", ")
}

// printable shows a caller's word in an error without its control characters,
// and not more of it than helps.
func printable(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return strconv.QuoteToASCII(s)
}
