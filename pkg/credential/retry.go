package credential

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"time"
)

const (
	// tries bounds the attempts of one purchase.
	tries = 5
	// tryTimeout bounds one attempt: two requests, one of them on a cold cache.
	tryTimeout = 30 * time.Second
	// firstPause is the pause after the first failure that names none; it doubles
	// up to longestPause.
	firstPause, longestPause = 500 * time.Millisecond, 10 * time.Second
)

// patiently repeats an attempt while its error says that another may succeed.
// It waits as long as the service asks, else exponentially with jitter. A wait
// that does not fit in the patience or before ctx's deadline is not begun: the
// caller gets the error, with its RetryAfter, while there is time to act on it.
func (c *Credential) patiently(ctx context.Context, attempt func(context.Context, *exchange) error) error {
	left := c.patience
	for n := 1; ; n++ {
		err := try(ctx, attempt)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return c.stopped(ctx.Err())
		}
		var e *Error
		if !errors.As(err, &e) || !e.again || n == tries {
			return err
		}
		pause := e.RetryAfter
		if pause == 0 {
			pause = backOff(n)
		}
		if deadline, ok := ctx.Deadline(); pause > left || (ok && time.Until(deadline) <= pause) {
			return err
		}
		left -= pause
		c.log.InfoContext(ctx, "the login host is asked again after a pause", "pauseSeconds", pause.Seconds(), "error", e)
		if err := sleep(ctx, pause); err != nil {
			return c.stopped(err)
		}
	}
}

func try(ctx context.Context, attempt func(context.Context, *exchange) error) error {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	ctx, x := withExchange(ctx)
	return attempt(ctx, x)
}

// stopped is the error of a call whose context ended.
func (c *Credential) stopped(cause error) error {
	if errors.Is(cause, context.DeadlineExceeded) {
		return &Error{Kind: Unavailable, Problem: "the deadline came before a token did", Advice: "allow more time, or try again later", Source: c.source.String(), Err: cause}
	}
	return fmt.Errorf("credentials: %w", cause)
}

// backOff returns the pause after the nth failure, between a half and one and a
// half times its nominal length.
func backOff(n int) time.Duration {
	pause := min(firstPause<<(n-1), longestPause)
	jitter, err := rand.Int(rand.Reader, big.NewInt(int64(pause)))
	if err != nil {
		return pause
	}
	return pause/2 + time.Duration(jitter.Int64())
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
