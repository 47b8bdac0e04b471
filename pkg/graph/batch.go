package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/retry"
)

const (
	batchPath = "/v1.0/$batch"
	// idsPerBatch is how many requests Graph takes in one batch.
	idsPerBatch = 20
)

// UsersByID reads users one by one, in batches of 20, and calls found for each id that
// there is a user of. found's error ends it. An id without a user is an answer, and no
// error. Of q, Select and Expand count. Requests within a batch that are throttled or fail
// for the time being are made again, by themselves.
func (c *Client) UsersByID(ctx context.Context, ids []string, q Query, stats *Stats, found func(User) error) error {
	return c.readEach(ctx, usersPath, ids, Query{Select: q.Select, Expand: q.Expand}, stats, found)
}

// DeletedByID is UsersByID for users who were deleted and can be restored. They have no
// $expand.
func (c *Client) DeletedByID(ctx context.Context, ids []string, q Query, stats *Stats, found func(User) error) error {
	return c.readEach(ctx, deletedPath, ids, Query{Select: q.Select}, stats, found)
}

func (c *Client) readEach(ctx context.Context, path string, ids []string, q Query, stats *Stats, found func(User) error) error {
	for len(ids) > 0 {
		n := min(len(ids), idsPerBatch)
		b := batch{client: c, path: path, query: q.encode(), selected: q.selection(), ids: ids[:n], stats: stats, found: found}
		if err := b.read(ctx); err != nil {
			return err
		}
		ids = ids[n:]
	}
	return nil
}

// batch reads some users by one request, and by further ones those that were not answered.
type batch struct {
	client      *Client
	path, query string
	selected    *selection
	ids         []string
	stats       *Stats
	found       func(User) error
}

// answered is what a batch says about one user.
type answered struct {
	ID      string                     `json:"id"`
	Status  int                        `json:"status"`
	Headers map[string]json.RawMessage `json:"headers"`
	Body    json.RawMessage            `json:"body"`
}

func (b *batch) read(ctx context.Context) error {
	loop := retry.Loop{Policy: b.client.policy}
	for len(b.ids) > 0 {
		left, err := b.once(ctx)
		var size *sizeError
		if errors.As(err, &size) && len(b.ids) > 1 {
			return b.halve(ctx)
		}
		var answer *Error
		switch {
		case err == nil:
			return nil
		case left == nil || !errors.As(err, &answer):
			return err
		case len(left) < len(b.ids):
			loop.Reset()
		}
		b.ids = left
		answer.Tries = loop.Failures() + 1
		if err := loop.Again(ctx, err, answer.RetryAfter, b.retrying(ctx, answer)); err != nil {
			return err
		}
	}
	return nil
}

// halve reads in two batches the users that are too large for one.
func (b *batch) halve(ctx context.Context) error {
	first, second := *b, *b
	first.ids, second.ids = b.ids[:len(b.ids)/2], b.ids[len(b.ids)/2:]
	if err := first.read(ctx); err != nil {
		return err
	}
	return second.read(ctx)
}

func (b *batch) retrying(ctx context.Context, answer *Error) func(time.Duration) {
	return func(wait time.Duration) {
		b.stats.retried(ctx)
		if answer.Status == http.StatusTooManyRequests {
			b.stats.wasThrottled(ctx)
		}
		b.client.log.LogAttrs(ctx, b.client.pauseLevel, "retrying a part of a Graph batch",
			slog.Any("error", answer), slog.Int("try", answer.Tries), slog.Duration("wait", wait))
		b.client.onPause(retry.Pause{
			Host: b.client.base.Host, Why: answer.why(), For: wait, Try: answer.Tries + 1, Attempts: b.client.policy.Attempts, Advice: answer.patience(),
		})
	}
}

// once makes one request. left are the ids to ask for once more, and why.
func (b *batch) once(ctx context.Context) (left []string, err error) {
	var answers []answered
	r := request{method: http.MethodPost, url: b.client.url(batchPath, ""), body: b.body()}
	if err := b.client.read(ctx, r, b.stats, func(body []byte) error {
		answers, err = b.parse(body)
		return err
	}); err != nil {
		return nil, err
	}
	var again *Error
	for i, id := range b.ids {
		user, refusal := b.user(id, answers[i])
		switch {
		case refusal == nil && user.ID == nil: // nobody has this id
		case refusal == nil:
			if err := b.found(user); err != nil {
				return nil, err
			}
		case !refusal.retryable():
			return nil, refusal
		default:
			left = append(left, id)
			if again == nil || refusal.RetryAfter > again.RetryAfter {
				again = refusal
			}
		}
	}
	if again == nil {
		return nil, nil
	}
	return left, again
}

// body is the batch: each request has its number as its id.
func (b *batch) body() []byte {
	type item struct {
		ID     string `json:"id"`
		Method string `json:"method"`
		URL    string `json:"url"`
	}
	items := make([]item, len(b.ids))
	for i, id := range b.ids {
		at := strings.TrimPrefix(b.path, "/v1.0") + "/" + url.PathEscape(id)
		if b.query != "" {
			at += "?" + b.query
		}
		items[i] = item{strconv.Itoa(i), http.MethodGet, at}
	}
	body, _ := json.Marshal(map[string][]item{"requests": items}) // strings alone
	return body
}

// parse sorts the answers into the order of the ids. One that is missing has status 0.
func (b *batch) parse(body []byte) ([]answered, error) {
	var whole struct {
		Responses []answered `json:"responses"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&whole); err != nil || whole.Responses == nil || d.More() {
		return nil, errors.New("the response is not what a batch is answered with")
	}
	sorted := make([]answered, len(b.ids))
	for _, a := range whole.Responses {
		i, err := strconv.Atoi(a.ID)
		if err != nil || i < 0 || i >= len(b.ids) || strconv.Itoa(i) != a.ID {
			return nil, errors.New("the response answers what was not asked")
		}
		if sorted[i].Status != 0 {
			return nil, errors.New("the response answers one request twice")
		}
		if a.Status < 100 || a.Status > 599 {
			return nil, errors.New("the response has a status that is none")
		}
		sorted[i] = a
	}
	return sorted, nil
}

// user reads what is said of one user: no id means that there is none.
func (b *batch) user(id string, a answered) (User, *Error) {
	switch a.Status {
	case http.StatusOK:
		user, err := singleUser(a.Body, b.selected)
		if err == nil && !strings.EqualFold(string(user.ID), id) {
			err = errors.New("the response is another user than was asked for")
		}
		if err != nil {
			return User{}, &Error{Err: err}
		}
		return user, nil
	case 0:
		return User{}, &Error{Err: errors.New("a request of a batch was not answered")}
	}
	refusal := b.refusal(a)
	if a.Status == http.StatusNotFound && refusal.Code != "" {
		return User{}, nil
	}
	return User{}, refusal
}

func (b *batch) refusal(a answered) *Error {
	header := http.Header{}
	for name, raw := range a.Headers {
		var text string
		if json.Unmarshal(raw, &text) != nil {
			text = string(raw) // a number
		}
		header.Set(name, text)
	}
	return responseError(&http.Response{StatusCode: a.Status, Header: header, Body: io.NopCloser(bytes.NewReader(a.Body))}, time.Now())
}
