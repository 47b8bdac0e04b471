package functionshost

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// retryPolicy is the member retry of a function.json. The host itself repeats a failed
// invocation, in memory.
type retryPolicy struct {
	Strategy        string `json:"strategy"`
	MaxRetryCount   int    `json:"maxRetryCount"`
	DelayInterval   string `json:"delayInterval"`
	MinimumInterval string `json:"minimumInterval"`
	MaximumInterval string `json:"maximumInterval"`

	first, longest time.Duration
}

// check refuses what Azure would, and a policy where it has none.
func (p *retryPolicy) check(trigger string) (err error) {
	if trigger != "timerTrigger" {
		return fmt.Errorf("retry: Azure repeats no %s", trigger)
	}
	if p.MaxRetryCount < -1 || p.MaxRetryCount == 0 {
		return errors.New("retry: maxRetryCount is neither -1, for ever, nor a number above 0")
	}
	switch p.Strategy {
	case "fixedDelay":
		p.first, err = parseSpan(p.DelayInterval)
		p.longest = p.first
		return err
	case "exponentialBackoff":
		if p.first, err = parseSpan(p.MinimumInterval); err != nil {
			return err
		}
		p.longest, err = parseSpan(p.MaximumInterval)
		return err
	default:
		return fmt.Errorf("retry: strategy %q is neither fixedDelay nor exponentialBackoff", p.Strategy)
	}
}

// repeat invokes a function until it succeeds or its policy ends, and returns the last
// record. From the second time on the metadata say which it is.
func (h *Host) repeat(ctx context.Context, fn *function, call func(context.Context, *run, map[string]any) error) Record {
	for attempt := 0; ; attempt++ {
		record := h.invoke(ctx, fn, func(ctx context.Context, r *run) error {
			metadata := map[string]any{}
			if attempt > 0 {
				metadata["RetryContext"] = map[string]any{"RetryCount": attempt, "MaxRetryCount": fn.retry.MaxRetryCount}
			}
			return call(ctx, r, metadata)
		})
		if record.Err == nil || fn.retry == nil || attempt == fn.retry.MaxRetryCount || errors.Is(record.Err, errDown) {
			return record
		}
		select {
		case <-time.After(h.pause(fn.retry, attempt)):
		case <-ctx.Done():
			return record
		case <-h.polling.Done():
			return record
		}
	}
}

func (h *Host) pause(p *retryPolicy, attempt int) time.Duration {
	if h.cfg.RetryPause > 0 {
		return h.cfg.RetryPause
	}
	return min(p.first<<min(attempt, 20), p.longest)
}
