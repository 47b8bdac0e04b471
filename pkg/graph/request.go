package graph

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"github.com/google/uuid"
)

// request is one GET to Graph.
type request struct {
	url          *url.URL
	eventual     bool // send ConsistencyLevel: eventual; links do not carry it
	continuation bool // url is a link that Graph sent
}

// open makes the request until Graph answers it with 200, as often as t
// allows. The caller closes the body; the cancel function of the attempt is
// called by that.
func (c *Client) open(ctx context.Context, r request, t *tries) (*http.Response, error) {
	for {
		resp, err := c.attempt(ctx, r, t)
		if err == nil {
			return resp, nil
		}
		if err := t.again(ctx, err); err != nil {
			return nil, err
		}
	}
}

// attempt makes the request once, or twice or thrice where Graph refuses the
// token: a refused token is bought anew once and a claims challenge is
// answered once.
func (c *Client) attempt(ctx context.Context, r request, t *tries) (*http.Response, error) {
	if err := c.yieldToGovernor(ctx); err != nil {
		return nil, err
	}
	rejected, claims := "", ""
	for {
		token, err := c.tokens.Token(ctx, rejected, claims)
		if err != nil {
			return nil, err
		}
		resp, err := c.send(ctx, r, token)
		var answer *Error
		if !errors.As(err, &answer) || answer.Status != http.StatusUnauthorized {
			return resp, err
		}
		switch {
		case answer.claims != "" && !t.answered:
			t.answered = true
		case answer.claims == "" && !t.refreshed:
			t.refreshed = true
		default:
			return nil, err
		}
		c.log.WarnContext(ctx, "Graph refused the token; buying a new one", "error", err, "challenge", answer.claims != "")
		rejected, claims = token, answer.claims
	}
}

// yieldToGovernor waits while Graph says that the quota is nearly used, unless
// the deadline is nearer.
func (c *Client) yieldToGovernor(ctx context.Context) error {
	pause := c.governor.pause(time.Now())
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= pause {
		return nil
	}
	return sleep(ctx, pause)
}

var (
	errSilent  = errors.New("no response arrived within the time limit")
	errStalled = errors.New("the response stalled")
)

// send makes one HTTP exchange up to the response's headers. It is the only
// place where a token meets a request, so it checks the host once more.
// No redirect is followed: a RoundTripper does not.
func (c *Client) send(ctx context.Context, r request, token string) (*http.Response, error) {
	if r.url.Scheme != c.base.Scheme || hostPort(r.url) != hostPort(c.base) || r.url.User != nil {
		return nil, &LinkError{Reason: fmt.Sprintf("its host is %q, not %q", r.url.Host, c.base.Host)}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	req := (&http.Request{
		Method: http.MethodGet,
		URL:    r.url,
		Host:   r.url.Host,
		Header: http.Header{
			"Accept":                   {"application/json"},
			"Authorization":            {"Bearer " + token},
			"Client-Request-Id":        {uuid.NewString()},
			"User-Agent":               {"rollcall"},
			"X-Ms-Throttle-Priority":   {"Low"},
			"Return-Client-Request-Id": {"true"},
		},
	}).WithContext(ctx)
	if r.eventual {
		req.Header.Set("ConsistencyLevel", "eventual")
	}
	silence := time.AfterFunc(c.headerTimeout, func() { cancel(errSilent) })
	resp, err := c.transport.RoundTrip(req)
	silence.Stop()
	if err != nil {
		err = c.broken(ctx, r, err)
		cancel(nil)
		return nil, err
	}
	c.governor.observe(resp.Header, time.Now())
	resp.Body = newIdleBody(ctx, resp.Body, c.idleTimeout, cancel)
	if resp.StatusCode != http.StatusOK {
		answer := responseError(resp, time.Now())
		answer.Continuation = r.continuation
		return nil, answer
	}
	return resp, nil
}

// broken describes an exchange that ended without a usable answer. Where our
// own time limit ended it, the limit is the cause.
func (c *Client) broken(ctx context.Context, r request, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errSilent) || errors.Is(cause, errStalled) {
		err = cause
	} else if cause != nil {
		return cause
	}
	return &Error{Continuation: r.continuation, Err: presentable(err)}
}

// presentable returns what may be told of a broken exchange. Package net/http
// quotes the bytes that it does not understand, and those may be of users; so
// only errors of known kinds keep their text.
func presentable(err error) error {
	var (
		network net.Error
		op      *net.OpError
		cert    *tls.CertificateVerificationError
		record  tls.RecordHeaderError
		alert   tls.AlertError
		errno   syscall.Errno
	)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection ended early")
	case errors.As(err, &op), errors.As(err, &cert), errors.As(err, &record), errors.As(err, &alert), errors.As(err, &errno),
		errors.Is(err, errSilent), errors.Is(err, errStalled), errors.Is(err, http.ErrSchemeMismatch),
		errors.As(err, &network) && network.Timeout():
		return err
	}
	return errors.New("the connection broke, or what came over it is not HTTP")
}

// closeIdle drops the connections that wait for reuse, if the transport has any.
func (c *Client) closeIdle() {
	if t, ok := c.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}
