package graph

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

const usersPath = "/v1.0/users"

// User is one user as Graph sent it. Both slices point into the page's read
// buffer and are valid only until the iteration moves on: copy what is kept.
type User struct {
	// ID is the user's object id, unescaped, as bytes of text (a GUID for every
	// user in an Entra directory).
	ID []byte
	// Raw is the user's JSON object as Graph sent it, on one line. The escape of half a
	// surrogate pair is U+FFFD (\ufffd), so that every reader of JSON takes the object.
	Raw []byte
}

// Pager prepares to read the list that q asks for. It makes no request.
func (c *Client) Pager(q Query) *Pager {
	return &Pager{client: c, first: c.list(q), prefetch: true}
}

// Page reads one page of the list that q asks for: the first, or the one that
// skipToken (from [SkipToken]) leads to. Nothing is read ahead. The caller
// reads the page or closes it.
func (c *Client) Page(ctx context.Context, q Query, skipToken string) (*Page, error) {
	pager := c.Pager(q)
	pager.prefetch = false
	if skipToken != "" {
		pager.first.url.RawQuery += "&$skiptoken=" + url.QueryEscape(skipToken)
		pager.first.continuation, pager.first.advanced = true, nil
	}
	page := &Page{Number: 1, pager: pager, ctx: ctx, fetch: pager.fetch(ctx, pager.first)}
	if err := page.open(); err != nil {
		return nil, err
	}
	return page, nil
}

// User reads one user by object id or userPrincipalName. Of q, Select and
// Expand count. A user who does not exist is an [Error] of status 404.
func (c *Client) User(ctx context.Context, id string, q Query) (User, error) {
	if strings.Contains(id, "@") && slices.Contains(q.Select, signInActivity) { // Graph gives that by object id only
		user, err := c.User(ctx, id, Query{Select: []string{"id"}})
		if err != nil {
			return User{}, err
		}
		id = string(user.ID)
	}
	if id == "" || id == "." || id == ".." || strings.HasPrefix(id, "$") && !strings.Contains(id, "@") {
		return User{}, errors.New("graph: neither a user's id nor a userPrincipalName")
	}
	u := c.url(usersPath+"/"+id, Query{Select: q.Select, Expand: q.Expand}.encode())
	u.RawPath = usersPath + "/" + url.PathEscape(id)
	if strings.HasPrefix(id, "$") { // it would be an option of OData as a segment
		quoted := strings.ReplaceAll(id, "'", "''")
		u.Path, u.RawPath = usersPath+"('"+quoted+"')", usersPath+"('"+url.PathEscape(quoted)+"')"
	}
	var user User
	err := c.read(ctx, request{url: u}, new(Stats), func(body []byte) (err error) {
		user, err = singleUser(body)
		return err
	})
	return user, err
}

// singleUser reads a body that is one user. It changes the body.
func singleUser(body []byte) (User, error) {
	value := jsontext.Value(body)
	if !utf8.Valid(body) || value.Compact(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil || value.Kind() != '{' {
		return User{}, errors.New("the response is not a user")
	}
	id, fault := userID(value) // before it is mended: ids are never replaced
	if fault != "" {
		return User{}, errors.New("the response is not a user: " + fault)
	}
	replaceLone(value)
	return User{ID: id, Raw: value}, nil
}

// Count asks Graph how many users there are (GET /users/$count), of whom q's
// Filter and Search leave those that match. The figure comes from an eventually
// consistent index. A tenant without advanced queries (B2C) refuses it with an
// [Error] of status 400.
func (c *Client) Count(ctx context.Context, q Query, stats *Stats) (int, error) {
	n := 0
	err := c.read(ctx, request{url: c.url(usersPath+"/$count", q.countQuery()), eventual: true}, stats, func(body []byte) (err error) {
		digits := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
		n, err = strconv.Atoi(string(digits))
		if err != nil || digits[0] < '0' || digits[0] > '9' {
			return errors.New("the count is not a number")
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// url is an address below the configured host. Dollar signs in query stay as
// they are.
func (c *Client) url(path, query string) *url.URL {
	u := *c.base
	u.Path, u.RawQuery = path, query
	return &u
}
