package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/header"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// baseURL is the address that the caller used, or "" for a direct invocation,
// which has none and gets relative links.
func baseURL(r *http.Request) string {
	if r.Host == "" {
		return ""
	}
	u := url.URL{Scheme: "https", Host: r.Host, Path: strings.TrimRight(r.Header.Get(header.Prefix), "/")}
	if r.Header.Get(header.Proto) == "http" {
		u.Scheme = "http"
	}
	return u.String()
}

// nextLink builds the link to the next page from our own address, the caller's
// options and the sealed token of Graph's link.
func nextLink(base, token string, o *options) string {
	var link strings.Builder
	link.WriteString(base + "/v1.0/users?")
	add := func(name, value string) {
		if value != "" {
			link.WriteString(name + "=" + url.QueryEscape(value) + "&")
		}
	}
	if o.selected {
		add("$select", strings.Join(columnNames(o.columns), ","))
	}
	add("$filter", o.callerFilter)
	add("$search", o.search)
	add("$orderby", o.orderBy)
	if o.count {
		add("$count", "true")
	}
	if o.formatGiven {
		add("$format", "json")
	}
	add("$top", strconv.Itoa(o.top))
	return link.String() + "$skiptoken=" + url.QueryEscape(token)
}

// contextURL names the members of each user, of which id is always one. Annotations are
// not among them.
func contextURL(base string, o *options) string {
	names := slices.DeleteFunc(columnNames(o.columns), func(name string) bool { return name == property.ODataType })
	if !slices.Contains(names, "id") {
		names = append(names, "id")
	}
	return base + "/v1.0/$metadata#users(" + strings.Join(names, ",") + ")"
}

// appendString appends a JSON string. Bytes that are not UTF-8, which only a
// forged host can contain, are replaced.
func appendString(body []byte, s string) []byte {
	body, _ = jsontext.AppendQuote(body, s) // its error reports only such bytes
	return body
}
