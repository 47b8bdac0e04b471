package graph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const usersPath = "/v1.0/users"

// User is one user as Graph sent it, cut to the properties that the query selected. Both
// slices are valid only until the iteration moves on: copy what is kept.
type User struct {
	// ID is the user's object id, unescaped, as bytes of text (a GUID for every
	// user in an Entra directory).
	ID []byte
	// Raw is the user's JSON object as Graph sent it, on one line, except for what strict
	// readers of JSON refuse or understand each in their own way (jq, DuckDB, Polars,
	// PyArrow, pandas, encoding/json/v2):
	//
	//   - The escape of half a surrogate pair is U+FFFD (\ufffd), in names as in values.
	//   - U+0085, U+2028 and U+2029, at which some programs end a line, are escaped.
	//   - Names are written without escapes that they do not need.
	//   - What the query did not select is left out, also of an expanded manager. The id
	//     stays, and so do the annotations of OData (@odata.type, mail@odata.type); in
	//     changes @removed and manager@delta do. Without a $select everything stays.
	//
	// What cannot be mended without becoming another person is an error, and so the list
	// fails: two members of one name in an object, also where the names differ by case or
	// by escapes only; bytes that are not UTF-8; integers of more than 64 bits and numbers
	// that are infinite as 64-bit floats or have exponents beyond 308; values nested deeper
	// than 100 levels; objects of more than 1000 members.
	Raw []byte
}

// Pager prepares to read the list that q asks for. It makes no request.
func (c *Client) Pager(q Query) *Pager {
	return c.pager(c.list(q), q.selection())
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
		user, err = singleUser(body, q.selection())
		return err
	})
	return user, err
}

// singleUser reads a body that is one user, of whom selected stays. It changes the body.
func singleUser(body []byte, selected *selection) (User, error) {
	s := newScanner(selected)
	s.b, s.err, s.limit = body, io.EOF, len(body)
	if _, err := s.next("the user", len(body)); err != nil {
		return User{}, errors.New("the response is not a user")
	}
	user, end, err := s.readUser()
	if err != nil {
		return User{}, fmt.Errorf("the response is not a user: %w", err)
	}
	if _, err := s.skip(end); !errors.Is(err, io.EOF) {
		return User{}, errors.New("the response is not a user: something follows it")
	}
	return user, nil
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
