package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// page answers with one page of users, which is read to its end before its first
// byte is written.
func (a *API) page(w http.ResponseWriter, r *http.Request, o *options) error {
	p, err := withoutRefused(r.Context(), a, o, a.readPage)
	if err != nil {
		return err
	}
	if p.next != "" && len(nextLink("", p.next, o)) > maxQuery {
		return &statusError{http.StatusRequestURITooLong, fmt.Sprintf("the link to the next page would be longer than %d characters: shorten the filter", maxQuery)}
	}
	if p.write(w, baseURL(r), o) == nil {
		telemetry.Observe(r.Context(), telemetry.Users, float64(p.size))
	}
	return nil
}

// usersPage is a page that was read.
type usersPage struct {
	users    []byte // the elements of value, separated by commas
	size     int    // how many they are
	next     string // the sealed token of the next page, "" on the last one
	count    int
	hasCount bool
}

// readPage reads a page from Graph. The count is asked for by itself, unless Graph gives
// it with the page: with it a plain query would be an advanced one.
func (a *API) readPage(ctx context.Context, o *options) (*usersPage, error) {
	q := a.narrowed(o).Query()
	q.Top = o.top
	token, isAdvanced, err := a.unseal(ctx, o.skipToken, o)
	if err != nil {
		return nil, err
	}
	q.Advanced = q.Advanced || isAdvanced
	from, err := a.directory.Page(ctx, q, token)
	if err != nil {
		return nil, err
	}
	var p usersPage
	for user, err := range from.Users() {
		if err != nil {
			return nil, err
		}
		if len(p.users) > 0 {
			p.users = append(p.users, ',')
		}
		p.users = append(p.users, user.Raw...)
		p.size++
	}
	if o.count && token == "" {
		if p.count, p.hasCount = from.Count(); !p.hasCount {
			if p.count, err = a.directory.Count(ctx, q, new(graph.Stats)); err != nil {
				return nil, err
			}
			p.hasCount = true
		}
	}
	if from.Link() == "" {
		return &p, nil
	}
	next := graph.SkipToken(from.Link())
	if next == "" {
		return nil, &graph.Error{Err: errors.New("the link to the next page has no $skiptoken")}
	}
	p.next, err = a.seal(ctx, next, from.Advanced(), o)
	return &p, err
}

// write answers with the page as Graph writes it: context, count and link
// before value. The link leads back here, by the address that the caller used.
func (p *usersPage) write(w http.ResponseWriter, base string, o *options) error {
	body := make([]byte, 0, len(p.users)+1024)
	body = append(body, `{"@odata.context":`...)
	body = appendString(body, contextURL(base, o))
	if p.hasCount {
		body = append(body, `,"@odata.count":`...)
		body = strconv.AppendInt(body, int64(p.count), 10)
	}
	if p.next != "" {
		body = append(body, `,"@odata.nextLink":`...)
		body = appendString(body, nextLink(base, p.next, o))
	}
	body = append(body, `,"value":[`...)
	body = append(body, p.users...)
	body = append(body, `]}`...)
	return writeJSON(w, body)
}

// writeJSON answers with a whole JSON body and OData's headers.
func writeJSON(w http.ResponseWriter, body []byte) error {
	w.Header().Set("Content-Type", "application/json;odata.metadata=minimal;charset=utf-8")
	w.Header().Set("OData-Version", "4.0")
	return writeBody(w, body)
}

// writeBody answers with a whole body.
func writeBody(w http.ResponseWriter, body []byte) error {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, err := w.Write(body)
	return err
}
