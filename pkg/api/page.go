package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/roll"
)

// page is one page of users, read whole: it is answered only when complete.
type page struct {
	users    []byte // the elements of value, with commas
	link     string // Graph's nextLink, never shown
	count    int
	hasCount bool
}

// readPage reads a page from Graph. Where Graph refuses columns that may be
// missing, the page is read without them, now and from here on.
func (a *API) readPage(ctx context.Context, o options) (*page, error) {
	p, err := a.tryPage(ctx, o)
	if err == nil {
		return p, nil
	}
	left, missing, err := roll.Granted(ctx, a.users, o.columns, err)
	if err != nil {
		return nil, err
	}
	a.log.WarnContext(ctx, "Graph refuses optional columns; pages go without them", "columns", missing)
	if !o.narrowed {
		a.columns.Store(&left)
	}
	o.columns = left
	return a.tryPage(ctx, o)
}

func (a *API) tryPage(ctx context.Context, o options) (*page, error) {
	q := roll.Query(o.columns, a.request.Filter, o.top)
	q.Count = o.count
	from, err := a.users.Page(ctx, q, o.skipToken)
	if err != nil {
		return nil, err
	}
	var p page
	for user, err := range from.Users() {
		if err != nil {
			return nil, err
		}
		if len(p.users) > 0 {
			p.users = append(p.users, ',')
		}
		p.users = append(p.users, user.Raw...)
	}
	p.link = from.Link()
	p.count, p.hasCount = from.Count()
	return &p, nil
}

// write answers with the page as Graph writes it: context, count and link
// before value. The link leads back here, by the way the caller came.
func (p *page) write(w http.ResponseWriter, base string, o options) {
	context := base + "/v1.0/$metadata#users(" + selectList(o) + ")"
	body := make([]byte, 0, len(p.users)+1024)
	body = append(body, `{"@odata.context":`...)
	body = appendString(body, context)
	if p.hasCount {
		body = append(body, `,"@odata.count":`...)
		body = strconv.AppendInt(body, int64(p.count), 10)
	}
	if p.link != "" {
		body = append(body, `,"@odata.nextLink":`...)
		body = appendString(body, nextLink(base, p.link, o))
	}
	body = append(body, `,"value":[`...)
	body = append(body, p.users...)
	body = append(body, `]}`...)
	w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;charset=utf-8")
	w.Header().Set("OData-Version", "4.0")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

// nextLink builds the link to the next page: our own address, the caller's
// options, and of Graph's link the token only.
func nextLink(base, graphLink string, o options) string {
	link := base + "/v1.0/users?"
	if o.narrowed {
		link += "$select=" + url.QueryEscape(selectList(o)) + "&"
	}
	if o.count {
		link += "$count=true&"
	}
	return link + "$top=" + strconv.Itoa(o.top) + "&$skiptoken=" + url.QueryEscape(graph.SkipToken(graphLink))
}

func selectList(o options) string {
	names := make([]string, len(o.columns))
	for i, c := range o.columns {
		names[i] = c.Name
	}
	return strings.Join(names, ",")
}

// appendString writes a JSON string. Bytes that are no UTF-8, which only a
// forged host can hold, are replaced.
func appendString(body []byte, s string) []byte {
	quoted, err := jsontext.AppendQuote(body, strings.ToValidUTF8(s, "\ufffd"))
	if err != nil {
		return append(body, `""`...)
	}
	return quoted
}

// PrefixHeader tells the handler which part of the caller's path was taken off
// before the request came here, such as an API's stage. Whoever serves the API
// sets it; what a caller sends is dropped.
const PrefixHeader = "X-Forwarded-Prefix"

// baseURL is the address by which the caller came, "" for a caller without one
// (a direct invocation), whose links are relative.
func baseURL(r *http.Request) string {
	if r.Host == "" {
		return ""
	}
	u := url.URL{Scheme: "https", Host: r.Host, Path: strings.TrimRight(r.Header.Get(PrefixHeader), "/")}
	return u.String()
}
