package graph

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/version"
)

// request describes a request to Graph. An attempt uses up nothing of it, so it
// can be repeated.
type request struct {
	method       string // "" means GET
	url          *url.URL
	body         []byte // JSON, nil for none
	accept       int    // the status that means success, 0 for 200
	eventual     bool   // send ConsistencyLevel: eventual; links do not carry it
	continuation bool   // url is a link that Graph sent
	once         bool   // carried out twice it would do harm: see [Error.unsure]

	// advanced is what to send where Graph refuses this request as too much for a plain
	// query, nil for nothing; key names that query.
	advanced *request
	key      string
}

// call is one request with all its attempts. An attempt lasts from the first
// byte that is sent to the last byte that is read of the response's body.
type call struct {
	client  *Client
	request request
	stats   *Stats
	loop    retry.Loop

	refreshed  int // refused tokens that were replaced
	challenged int // claims challenges that were answered
}

func (c *Client) call(r request, stats *Stats) call {
	return call{client: c, request: r, stats: stats, loop: retry.Loop{Policy: c.policy}}
}

// do sends the request until Graph answers it with success. The caller reads
// and closes the body; where it breaks, [call.retry] says whether to do the
// request once more.
func (c *call) do(ctx context.Context) (*http.Response, error) {
	for {
		resp, err := c.authorized(ctx)
		if err == nil {
			if c.request.key != "" {
				c.client.refused.add(c.request.key)
			}
			return resp, nil
		}
		if c.escalate(ctx, err) {
			continue
		}
		if err := c.retry(ctx, err); err != nil {
			return nil, err
		}
	}
}

// read does the request and hands the whole body to decode. A body that breaks,
// or that decode refuses, costs an attempt.
func (c *Client) read(ctx context.Context, r request, stats *Stats, decode func(body []byte) error) error {
	call := c.call(r, stats)
	for {
		resp, err := call.do(ctx)
		if err != nil {
			return err
		}
		body, err := readBody(resp.Body, "the body", maxBody)
		_ = resp.Body.Close()
		if err != nil {
			err = presentable(err)
		} else if err = decode(body); err == nil {
			c.known.Store(true)
			return nil
		} else if beginsAsHTML(body) {
			err = &htmlError{c.base.Host}
		}
		if err := call.retry(ctx, call.unusable(resp, err)); err != nil {
			return err
		}
	}
}

// unusable is the error of a response that was a success and whose body is
// broken or not what was asked for, as err says.
func (c *call) unusable(resp *http.Response, err error) *Error {
	return &Error{
		RequestID:    requestID(resp.Header),
		Continuation: c.request.continuation,
		Err:          err,
	}
}

// newRequest builds the HTTP request of one attempt. It is the only place where
// a token meets a request, so it checks the host once more and writes the configured
// one into the request, whatever the URL says.
func (c *Client) newRequest(ctx context.Context, r request, token string) (*http.Request, error) {
	if err := c.checkOrigin(r.url); err != nil {
		return nil, err
	}
	u := *c.base
	u.Path, u.RawPath, u.RawQuery = r.url.Path, r.url.RawPath, r.url.RawQuery
	// Not http.NewRequest, which would parse the URL and rewrite it: a link goes
	// back to Graph byte for byte.
	req := (&http.Request{
		Method: cmp.Or(r.method, http.MethodGet),
		URL:    &u,
		Host:   u.Host,
		Header: http.Header{
			"Accept":                   {"application/json"},
			"Authorization":            {"Bearer " + token},
			"Client-Request-Id":        {uuid.NewString()},
			"User-Agent":               {"rollcall/" + version.String()},
			"X-Ms-Throttle-Priority":   {"Low"},
			"Return-Client-Request-Id": {"true"},
		},
	}).WithContext(ctx)
	if r.eventual {
		req.Header.Set("ConsistencyLevel", "eventual")
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(r.body)), int64(len(r.body))
	}
	return req, nil
}

// lateAfter is how long a response may take before whoever watches hears of it.
const lateAfter = 20 * time.Second

// send makes one HTTP exchange, up to the response's headers. No redirect is
// followed: a RoundTripper does not. Closing the body ends the exchange.
func (c *Client) send(ctx context.Context, r request, token string) (*http.Response, error) {
	ctx, span := c.startSpan(ctx, r)
	ctx, cancel := context.WithCancelCause(ctx)
	var outcome error
	if telemetry.Traced {
		end := cancel
		cancel = func(cause error) {
			span.End(cmp.Or(outcome, cause))
			end(cause)
		}
	}
	req, err := c.newRequest(ctx, r, token)
	if err != nil {
		outcome = err
		cancel(nil)
		return nil, err
	}
	sent := time.Now()
	silence := time.AfterFunc(c.headerTimeout, func() { cancel(errSilent) })
	late := time.AfterFunc(lateAfter, func() {
		c.onPause(retry.Pause{
			Host: c.base.Host, Why: fmt.Sprintf("no response in %s", lateAfter), For: c.headerTimeout - lateAfter,
			Advice: "nothing to do: the request is repeated if none comes",
		})
	})
	resp, err := c.transport.RoundTrip(req)
	silence.Stop()
	late.Stop()
	if err != nil {
		err = r.broken(ctx, err)
		outcome = err
		cancel(nil)
		return nil, err
	}
	c.governor.observe(resp, sent)
	if telemetry.Traced {
		span.Set(slog.Int("http.response.status_code", resp.StatusCode), slog.String("graph.request_id", requestID(resp.Header)))
	}
	resp.Body = newIdleBody(ctx, resp.Body, c.idleTimeout, cancel)
	if resp.StatusCode != cmp.Or(r.accept, http.StatusOK) {
		outcome = statusError(resp.StatusCode)
		answer := responseError(resp, time.Now())
		answer.Continuation, answer.length = r.continuation, len(req.URL.String())
		if answer.Status == http.StatusForbidden {
			answer.grant = c.grant(answer.permission())
		}
		if answer.Code != "" {
			c.known.Store(true)
		} else if isHTML(resp.Header) && answer.Err == nil {
			answer.Err = &htmlError{c.base.Host}
		}
		return nil, answer
	}
	if isHTML(resp.Header) {
		_ = resp.Body.Close()
		return nil, &Error{Continuation: r.continuation, Err: &htmlError{c.base.Host}}
	}
	return resp, nil
}

// broken is the error of an exchange that ended without a response. Where a
// limit of our own ended it, that limit is the cause.
func (r request) broken(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errSilent) || errors.Is(cause, errStalled) || errors.Is(cause, errTrickled) {
		err = cause
	} else if cause != nil {
		return cause
	}
	return &Error{Continuation: r.continuation, Err: presentable(err), unanswered: true}
}
