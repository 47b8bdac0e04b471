package graph

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// Stats counts what happened below the pages of a pager, or below a count. It
// may be read while requests are being made.
type Stats struct {
	retries, throttled atomic.Int64
}

// Retries is the number of requests that were repeated.
func (s *Stats) Retries() int { return int(s.retries.Load()) }

// Throttled is the number of answers with status 429.
func (s *Stats) Throttled() int { return int(s.throttled.Load()) }

// retried counts a request that is repeated, and wasThrottled an answer with status 429, also
// among the figures of the invocation.
func (s *Stats) retried(ctx context.Context) {
	s.retries.Add(1)
	telemetry.Observe(ctx, telemetry.Retries, 1)
}

func (s *Stats) wasThrottled(ctx context.Context) {
	s.throttled.Add(1)
	telemetry.Observe(ctx, telemetry.Throttled, 1)
}

// add adds what was counted elsewhere, and observed there.
func (s *Stats) add(other *Stats) {
	s.retries.Add(other.retries.Load())
	s.throttled.Add(other.throttled.Load())
}

// retry decides what a failed attempt means. It returns nil, after a wait, when
// another attempt is due, and otherwise the error that ends the call. It never
// waits past the deadline of ctx.
func (c *call) retry(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var answer *Error
	if !errors.As(err, &answer) || !answer.retryable() || c.client.unreachable(answer, c.loop.Failures()+1) || c.request.once && answer.unsure() {
		return err
	}
	answer.Tries = c.loop.Failures() + 1
	if answer.Status == http.StatusTooManyRequests {
		c.stats.wasThrottled(ctx)
	}
	return c.loop.Again(ctx, err, answer.RetryAfter, func(wait time.Duration) {
		c.stats.retried(ctx)
		telemetry.SpanEvent(ctx, "retry", slog.Int("http.response.status_code", answer.Status), slog.Int("try", answer.Tries), slog.Duration("wait", wait))
		if answer.Status == http.StatusTooManyRequests || answer.RetryAfter > 0 {
			c.client.governor.refused(wait)
		}
		c.client.log.LogAttrs(ctx, c.client.pauseLevel, "retrying a Graph request",
			slog.Any("error", err), slog.Int("try", answer.Tries), slog.Duration("wait", wait))
		c.client.onPause(retry.Pause{
			Host: c.client.base.Host, Why: answer.why(), For: wait, Try: answer.Tries + 1, Attempts: c.loop.Policy.Attempts, Advice: answer.patience(),
		})
		if answer.Status == 0 || answer.Status == http.StatusServiceUnavailable {
			// Graph asks for a new connection after a 503; after a broken one the
			// others of the same age are suspect too.
			c.client.closeIdle()
		}
	})
}

// retried reports whether the call needed more than one attempt.
func (c *call) retried() bool { return c.loop.Failures() > 0 }

// retryable reports whether another attempt may succeed: throttling, server
// errors, and anything that broke on the way. A host that does not exist and a
// certificate that is not trusted stay as they are, and so do an answer that is too
// large and a link that leads elsewhere, which is not an Error.
func (e *Error) retryable() bool {
	switch e.Status {
	case 0:
		var size *sizeError
		if errors.As(e.Err, &size) {
			return false
		}
		connection := diagnosis.OfConnection(e.Err)
		return connection == diagnosis.None || connection.Transient()
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, 509:
		return true
	}
	return false
}

// unreachable reports whether the host seems to be none of Graph's: it has never
// answered as Graph does, and now answers with HTML or, if somebody waits for the
// client, twice not at all.
func (c *Client) unreachable(e *Error, failures int) bool {
	var html *htmlError
	switch {
	case e.Status != 0 || c.known.Load():
		return false
	case errors.As(e.Err, &html):
		return true
	}
	return c.impatient && failures > 1 && e.unanswered
}
