package credential

import (
	"context"
	"errors"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

const (
	// attempts bounds the attempts of one purchase.
	attempts = 5
	// attemptTimeout bounds one attempt: two requests, one of them on a cold cache.
	attemptTimeout = 30 * time.Second
)

// attempt repeats do while its error says that another attempt may succeed. It waits
// as long as the service asks, else exponentially with jitter. A wait that does not
// fit in the patience or before ctx's deadline is not begun: the caller gets the
// error, with its RetryAfter, while there is time to act on it.
func (c *Credential) attempt(ctx context.Context, do func(context.Context, *exchange) error) error {
	loop := retry.Loop{Policy: retry.Policy{Attempts: attempts, First: 500 * time.Millisecond, Last: 10 * time.Second, Budget: c.patience}}
	for {
		err := once(ctx, do)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return c.stopped(ctx.Err())
		}
		var e *Error
		if !errors.As(err, &e) || !e.retryable {
			return err
		}
		err = loop.Again(ctx, err, e.RetryAfter, func(wait time.Duration) {
			c.log.InfoContext(ctx, "the login host is retried after a pause", "host", c.login.origin.Host(), "pauseSeconds", wait.Seconds(), "error", e)
			if c.onPause != nil {
				c.onPause(retry.Pause{
					Host: c.login.origin.Host(), Why: e.Problem, For: wait,
					Try: loop.Failures() + 1, Attempts: loop.Policy.Attempts, Advice: e.Advice,
				})
			}
		})
		switch {
		case ctx.Err() != nil:
			return c.stopped(ctx.Err())
		case err != nil:
			return e // not the retry.LateError around it: no deadline has passed yet
		}
	}
}

func once(ctx context.Context, do func(context.Context, *exchange) error) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	ctx, x := withExchange(ctx)
	return do(ctx, x)
}

// explain makes the Error of an attempt that got no token.
func explain(x *exchange) *Error {
	switch {
	case errors.Is(x.err, errOtherHost):
		return &Error{Kind: Unavailable, Problem: "the login host names another host for its tokens, which gets no secret", Advice: "check the login URL", Err: x.err}
	case x.err != nil:
		return unreachable(x.err)
	case x.status == 0:
		return &Error{Kind: Malformed, Problem: "azidentity does not accept the request", Advice: "check TenantID and the login URL"}
	case x.succeeded() && x.html:
		// A page for a browser stays one: whoever sends it is not Entra ID.
		return &Error{Kind: Unavailable, Problem: x.host + " answered with HTML, which Entra ID does not send", Advice: adviceProxy, Status: x.status}
	case x.succeeded():
		return &Error{Kind: Unavailable, Problem: "the answer of " + x.host + " is not one that Entra ID gives", Advice: adviceProxy, Status: x.status, retryable: true}
	}
	return refused(x)
}

const adviceProxy = "check the login URL, and a proxy on the way"

func unreachable(err error) *Error {
	e := &Error{Kind: Unavailable, Problem: "the login host gave no answer", Advice: "check the network, HTTPS_PROXY and the login URL", Err: err, retryable: true}
	connection := diagnosis.OfConnection(err)
	if connection != diagnosis.None {
		e.Problem = "the login host: " + connection.String()
	}
	if connection == diagnosis.Untrusted {
		e.Advice, e.retryable = "name the authority that signed it in SSL_CERT_FILE", false
	}
	return e
}
