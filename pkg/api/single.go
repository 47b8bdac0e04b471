package api

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/advanced"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/odata"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// user answers with one user, by object id or userPrincipalName.
func (a *API) user(w http.ResponseWriter, r *http.Request, id string) error {
	if err := a.checkKey(id); err != nil {
		return err
	}
	o, err := a.parse(r, userOptions())
	if err != nil {
		return err
	}
	if o.format != pageJSON {
		return &statusError{http.StatusNotAcceptable, "a single user is returned as application/json only"}
	}
	raw, err := withoutRefused(r.Context(), a, o, func(ctx context.Context, o *options) ([]byte, error) {
		return a.readUser(ctx, id, o)
	})
	if err != nil {
		return err
	}
	body := appendString([]byte(`{"@odata.context":`), contextURL(baseURL(r), o)+"/$entity")
	body, err = appendMembers(body, raw)
	if err != nil {
		return &graph.Error{Err: err}
	}
	if writeJSON(w, append(body, '}')) == nil {
		telemetry.Observe(r.Context(), telemetry.Users, 1)
	}
	return nil
}

// readUser reads one user. With a configured filter it lists the users who match
// both the filter and the key: a user outside the filter does not exist.
func (a *API) readUser(ctx context.Context, id string, o *options) ([]byte, error) {
	if a.filter == nil {
		user, err := a.directory.User(ctx, id, a.narrowed(o).Query())
		return user.Raw, err
	}
	key := "id"
	if strings.Contains(id, "@") {
		key = userPrincipalName
	}
	both := advanced.Query{Columns: o.columns, Filter: odata.And(a.filter, odata.Equal(key, id))}
	if err := conflict(both); err != nil {
		return nil, err
	}
	q := a.narrowed(o).Query()
	q.Filter, q.Advanced, q.Top = both.Filter.String(), both.Needed(), 2
	for page, err := range a.directory.Pager(q).Pages(ctx) { // a page may be empty and not be the last
		if err != nil {
			return nil, err
		}
		var found []byte
		for user, err := range page.Users() {
			if err != nil {
				return nil, err
			}
			found = bytes.Clone(user.Raw)
		}
		if found != nil {
			return found, nil
		}
	}
	return nil, &failure.Named{Public: "Graph.NotFound", Text: "there is no such user"}
}

// checkKey makes sure that a key can be an object id, which is a GUID, or a
// userPrincipalName, which contains an @. Functions of Graph, such as delta, are neither.
// A userPrincipalName asks by a property: whoever gets an answer knows that somebody has
// it, so it has to be one of the columns.
func (a *API) checkKey(key string) error {
	if !strings.Contains(key, "@") {
		if guid.Valid(key) {
			return nil
		}
		return failure.InvalidRequest("the path contains neither an object id nor a userPrincipalName")
	}
	allowed := *a.columns.Load()
	if _, ok := find(allowed, userPrincipalName); !ok {
		return failure.InvalidRequest("the path may not name a userPrincipalName, which is not among the columns (" +
			strings.Join(columnNames(allowed), ", ") + "); it can name an object id")
	}
	if len(key) > maxKey || strings.ContainsFunc(key, unicode.IsControl) || strings.ContainsAny(key, `/\`) {
		return failure.InvalidRequest("the path contains no userPrincipalName: it is too long, or has control characters or slashes")
	}
	return nil
}

const (
	userPrincipalName = "userPrincipalName"
	maxKey            = 256 // bytes; Entra allows 113 characters
)

// appendMembers appends the members of a JSON object, each preceded by a comma,
// without Graph's @odata.context, which shows Graph's address.
func appendMembers(body, object []byte) ([]byte, error) {
	d := jsontext.NewDecoder(strings.NewReader(string(object)), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	for d.PeekKind() == '"' {
		name, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		context := string(name) == `"@odata.context"`
		if !context {
			body = append(append(append(body, ','), name...), ':')
		}
		value, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		if !context {
			body = append(body, value...)
		}
	}
	return body, nil
}

// count answers with the number of users who are served and match.
func (a *API) count(w http.ResponseWriter, r *http.Request, _ string) error {
	o, err := a.parse(r, countOptions())
	if err != nil {
		return err
	}
	n, err := a.directory.Count(r.Context(), a.narrowed(o).Query(), new(graph.Stats))
	if err != nil {
		return err
	}
	body := strconv.AppendInt(nil, int64(n), 10)
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("OData-Version", "4.0")
	return writeBody(w, body)
}
