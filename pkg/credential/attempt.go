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

// attempt asks a host by do, and repeats it while its error says that another attempt may succeed. It waits
// as long as the service asks, else exponentially with jitter. A wait that does not
// fit in the patience or before ctx's deadline is not begun: the caller gets the
// error, with its RetryAfter, while there is time to act on it.
func (c *Credential) attempt(ctx context.Context, host string, do func(context.Context, *exchange) error) error {
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
			c.log.InfoContext(ctx, "signing in is tried again after a pause", "host", host, "pauseSeconds", wait.Seconds(), "error", e)
			if c.onPause != nil {
				c.onPause(retry.Pause{
					Host: host, Why: e.Problem, For: wait,
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

// unreachable makes the Error of a request that had no answer.
func unreachable(err error, whose, advice string) *Error {
	e := &Error{Kind: Unavailable, Problem: whose + " gave no answer", Advice: advice, Err: err, retryable: true}
	connection := diagnosis.OfConnection(err)
	if connection != diagnosis.None {
		e.Problem = whose + ": " + connection.String()
	}
	if connection == diagnosis.Untrusted {
		e.Advice, e.retryable = "name the authority that signed it in SSL_CERT_FILE", false
	}
	return e
}
