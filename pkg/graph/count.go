package graph

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
)

// Count asks Graph how many users there are (GET /users/$count), of whom q's
// Filter and Search leave those that match. The figure comes from an eventually
// consistent index. A tenant without advanced queries (B2C) refuses it with an
// [Error] of status 400.
func (c *Client) Count(ctx context.Context, q Query, stats *Stats) (int, error) {
	u := *c.base
	u.Path = usersPath + "/$count"
	u.RawQuery = q.countQuery()
	t := tries{client: c, stats: stats}
	r := request{url: &u, eventual: true}
	for {
		resp, err := c.open(ctx, r, &t)
		if err != nil {
			return 0, err
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, 64))
		_ = resp.Body.Close()
		if err == nil {
			n, parseErr := strconv.Atoi(string(bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))))
			if parseErr == nil && n >= 0 {
				return n, nil
			}
			err = errors.New("the count is not a number")
		}
		if err := t.again(ctx, &Error{RequestID: plain(resp.Header.Get("request-id")), Err: err}); err != nil {
			return 0, err
		}
	}
}
