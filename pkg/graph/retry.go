package graph

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	firstBackoff = 500 * time.Millisecond
	lastBackoff  = 30 * time.Second
)

// tries counts the attempts at one request, from its first byte to the last
// byte of its body: a body that breaks costs a try as well.
type tries struct {
	client    *Client
	stats     *Stats
	failed    int  // attempts that failed and were worth another
	refreshed bool // the token was bought anew after a 401
	answered  bool // a claims challenge was answered
}

// clean reports whether the request succeeded at the first attempt.
func (t *tries) clean() bool { return t.failed == 0 }

// again decides what a failed attempt means. It returns nil when the request
// is worth another attempt, after having waited for it; otherwise the error
// that ends the request. It never waits past the deadline of ctx.
func (t *tries) again(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if !retryable(err) {
		return err
	}
	t.failed++
	wait := backoff(t.failed)
	status := 0
	var answer *Error
	if errors.As(err, &answer) {
		answer.Tries = t.failed
		status = answer.Status
		if answer.RetryAfter > 0 {
			wait = answer.RetryAfter
		}
	}
	if status == http.StatusTooManyRequests {
		t.stats.throttled.Add(1)
	}
	switch deadline, ok := ctx.Deadline(); {
	case t.failed >= t.client.attempts:
		return err
	case wait > t.client.maxWait:
		return err
	case ok && time.Until(deadline) <= wait:
		return &deadlineError{err: err, wait: wait}
	}
	t.stats.retries.Add(1)
	t.client.log.LogAttrs(ctx, slog.LevelWarn, "Graph request is tried again",
		slog.Any("error", err), slog.Int("try", t.failed), slog.Duration("wait", wait))
	if status == 0 || status == http.StatusServiceUnavailable {
		// Graph asks for a new connection after a 503; after a broken one the
		// others of the same age are suspect too.
		t.client.closeIdle()
	}
	return sleep(ctx, wait)
}

// deadlineError is the failure of an attempt whose repetition the deadline
// does not allow any more.
type deadlineError struct {
	err  error
	wait time.Duration
}

func (e *deadlineError) Error() string {
	return fmt.Sprintf("%v; the time left does not allow the wait of %s before another try", e.err, e.wait.Round(time.Millisecond))
}

// Unwrap returns the failure itself and says that the deadline is the reason.
func (e *deadlineError) Unwrap() []error { return []error{e.err, context.DeadlineExceeded} }

// retryable reports whether another attempt may succeed: throttling, server
// errors, and anything that broke on the way. A link that leads elsewhere, a
// host that does not exist and a certificate that is not trusted stay as they
// are.
func retryable(err error) bool {
	var (
		link    *LinkError
		dns     *net.DNSError
		cert    *tls.CertificateVerificationError
		unknown x509.UnknownAuthorityError
		answer  *Error
	)
	switch {
	case errors.As(err, &link), errors.As(err, &cert), errors.As(err, &unknown):
		return false
	case errors.As(err, &dns) && dns.IsNotFound:
		return false
	case errors.As(err, &answer):
		switch answer.Status {
		case 0, http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, 509:
			return true
		}
	}
	return false
}

// backoff returns the wait before attempt number failed+1: half a second,
// doubling up to thirty, with jitter of a half so that many do not retry as one.
func backoff(failed int) time.Duration {
	d := lastBackoff
	if failed < 8 {
		d = min(lastBackoff, firstBackoff<<(failed-1))
	}
	return d/2 + rand.N(d/2+1)
}

// longest is a wait that nobody waits for and that still is a Duration.
const longest = 365 * 24 * time.Hour

// retryAfter reads a Retry-After header: whole or decimal seconds, or an
// HTTP-date (RFC 9110, section 10.2.3). 0 means absent, past or unreadable.
func retryAfter(value string, now time.Time) time.Duration {
	value = strings.TrimSpace(value)
	if value == "" {
		return 0
	}
	if seconds, err := strconv.ParseFloat(value, 64); err == nil {
		switch {
		case !(seconds > 0):
			return 0
		case seconds > longest.Seconds():
			return longest
		}
		return time.Duration(seconds * float64(time.Second))
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(longest, max(0, at.Sub(now)))
	}
	return 0
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
