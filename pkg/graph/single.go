package graph

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxUser bounds one user's JSON. Graph's largest (thousands of proxy
// addresses) stay far below.
const maxUser = 8 << 20

// User reads one user by object id or userPrincipalName. Of q, Select and
// Expand count. A user who does not exist is an [Error] of status 404.
func (c *Client) User(ctx context.Context, id string, q Query) (User, error) {
	if id == "" || id == "." || id == ".." || strings.HasPrefix(id, "$") {
		return User{}, errors.New("graph: what is asked for is not a user's id or userPrincipalName")
	}
	u := *c.base
	u.Path = usersPath + "/" + id
	u.RawPath = usersPath + "/" + url.PathEscape(id)
	u.RawQuery = Query{Select: q.Select, Expand: q.Expand}.encode()
	var stats Stats
	t := tries{client: c, stats: &stats}
	for {
		resp, err := c.open(ctx, request{url: &u}, &t)
		if err != nil {
			return User{}, err
		}
		raw, err := io.ReadAll(io.LimitReader(resp.Body, maxUser+1))
		_ = resp.Body.Close()
		value := jsontext.Value(raw)
		switch {
		case err != nil:
		case len(raw) > maxUser:
			return User{}, &Error{Err: errors.New("the user is larger than 8 MiB")}
		case value.Compact(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil || value.Kind() != '{':
			err = errors.New("the response is not a user")
		default:
			if found := idMember(value); len(found) > 2 && found[0] == '"' {
				return User{ID: found[1 : len(found)-1], Raw: value}, nil
			}
			err = errors.New("the user has no id")
		}
		if err := t.again(ctx, &Error{RequestID: plain(resp.Header.Get("request-id")), Err: err}); err != nil {
			return User{}, err
		}
	}
}
