// Package retry is how this program tries again: how many attempts it makes,
// how long it waits between two of them, and what a service asked for in
// Retry-After. No wait outlasts the deadline of its context.
//
// It imports nothing of this module. What is worth another attempt is for the
// caller to say.
package retry

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// Policy says how often and how patiently an operation is attempted.
type Policy struct {
	// Attempts is how often the operation is attempted in all.
	Attempts int
	// First is the wait after the first failure. It doubles with every further
	// failure, up to Last.
	First, Last time.Duration
	// MaxWait is the longest wait; a service that asks for a longer one gets no
	// further attempt. 0 means no limit.
	MaxWait time.Duration
	// Budget bounds the sum of all waits. 0 means no limit.
	Budget time.Duration
}

// Backoff returns the wait after the nth failure, counted from 1. Jitter of a
// half keeps many clients from retrying at the same moment.
func (p Policy) Backoff(n int) time.Duration {
	d := p.First
	for ; n > 1 && d < p.Last; n-- {
		d *= 2
	}
	d = min(d, p.Last)
	return d/2 + rand.N(d/2+1)
}

// Loop counts the attempts at one operation. Its zero value but for the Policy is
// ready for use:
//
//	for loop := (retry.Loop{Policy: policy}); ; {
//		err := attempt()
//		if err == nil || !worthAnother(err) {
//			return err
//		}
//		if err := loop.Again(ctx, err, after, nil); err != nil {
//			return err
//		}
//	}
type Loop struct {
	Policy Policy

	failures int
	waited   time.Duration
}

// Failures is the number of failed attempts since the last Reset.
func (l *Loop) Failures() int { return l.failures }

// Reset starts counting anew, after progress was made.
func (l *Loop) Reset() { l.failures, l.waited = 0, 0 }

// Again records that an attempt failed with err, and waits before the next one:
// for after if the service asked for that, else for the policy's backoff. It
// returns nil when the next attempt is due. Otherwise it returns, without having
// waited, err itself when the policy allows no further attempt, or a [LateError]
// around it when the deadline of ctx comes first; or the cause of ctx when that
// ended during the wait. notify, if set, is called before the wait begins.
func (l *Loop) Again(ctx context.Context, err error, after time.Duration, notify func(wait time.Duration)) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.failures++
	wait := after
	if wait <= 0 {
		wait = l.Policy.Backoff(l.failures)
	}
	switch p := l.Policy; {
	case l.failures >= p.Attempts,
		p.MaxWait > 0 && wait > p.MaxWait,
		p.Budget > 0 && l.waited+wait > p.Budget:
		return err
	case !Fits(ctx, wait):
		return &LateError{Err: err, Wait: wait}
	}
	l.waited += wait
	if notify != nil {
		notify(wait)
	}
	return Wait(ctx, wait)
}

// LateError is the failure of an attempt that the deadline does not allow to be
// repeated. It matches both that failure and [context.DeadlineExceeded].
type LateError struct {
	// Err is the failure.
	Err error
	// Wait is how long the next attempt would have had to wait.
	Wait time.Duration
}

// Error tells the failure and that time ran out.
func (e *LateError) Error() string {
	return fmt.Sprintf("%v; the time left does not allow the wait of %s before another try", e.Err, e.Wait.Round(time.Millisecond))
}

// Unwrap returns the failure and the reason why it is final.
func (e *LateError) Unwrap() []error { return []error{e.Err, context.DeadlineExceeded} }

// Fits reports whether a wait ends before the deadline of ctx.
func Fits(ctx context.Context, wait time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > wait
}

// Wait returns nil after d, or the cause of ctx if that ends first.
func Wait(ctx context.Context, d time.Duration) error {
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
