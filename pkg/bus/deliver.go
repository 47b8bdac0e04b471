package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

// delivery is one batch in flight: what is still to be delivered, and what never will
// be.
type delivery struct {
	p       *Publisher
	rest    []Entry
	loop    retry.Loop // counts since the last entry was accepted
	sent    int        // requests
	refused []Undelivered
	remedy  string
	whole   *Refusal // of the last request, nil when that was answered entry by entry
	codes   []string // why each of rest failed last
}

// errRest stands for the entries that were not accepted yet.
var errRest = errors.New("entries are left")

// deliver sends the entries until each was accepted or refused. The order of what is
// left is kept.
func (p *Publisher) deliver(ctx context.Context, entries []Entry) (err error) {
	defer crash.Recover(&err) // it has a goroutine of its own
	d := &delivery{p: p, rest: entries, loop: retry.Loop{
		Policy: retry.Policy{Attempts: p.tries, First: 100 * time.Millisecond, Last: 20 * time.Second},
	}}
	for {
		if err := d.attempt(ctx); err != nil {
			return err
		}
		if len(d.rest) == 0 {
			return d.result()
		}
		// A service may ask for a longer wait than ours, not for a shorter one.
		wait := d.loop.Policy.Backoff(d.loop.Failures() + 1)
		if d.whole != nil {
			wait = max(wait, d.whole.After)
		}
		err := d.loop.Again(ctx, errRest, wait, d.retrying(ctx))
		var late *retry.LateError
		switch {
		case errors.As(err, &late):
			return d.late(late.Wait)
		case errors.Is(err, errRest):
			return d.result()
		case err != nil:
			return p.interrupted(ctx)
		}
	}
}

// retrying counts and logs what is resent after a wait.
func (d *delivery) retrying(ctx context.Context) func(wait time.Duration) {
	return func(wait time.Duration) {
		d.p.retried.Add(int64(len(d.rest)))
		d.p.log.LogAttrs(ctx, slog.LevelWarn, "Messages are sent again",
			slog.String("bus", d.p.driver.String()), slog.Int("messages", len(d.rest)), slog.String("code", d.code()),
			slog.Int("try", d.loop.Failures()), slog.Duration("wait", wait))
	}
}

// attempt makes one request and sorts the entries that it did not deliver.
func (d *delivery) attempt(ctx context.Context) error {
	request, cancel := context.WithTimeout(ctx, d.p.timeout)
	defer cancel()
	d.sent++
	d.p.requests.Add(1)
	failures, err := d.p.driver.Send(request, d.rest)
	if err == nil {
		d.whole = nil
		d.sort(failures)
		return nil
	}
	if ctx.Err() != nil {
		return d.p.interrupted(ctx)
	}
	if !errors.As(err, &d.whole) {
		d.whole = &Refusal{Problem: "the request could not be made", Err: err}
	}
	d.codes = d.codes[:0]
	for range d.rest {
		d.codes = append(d.codes, d.whole.Code)
	}
	if !d.whole.Retry {
		d.giveUp()
	}
	return nil
}

// sort keeps the entries that are worth another attempt.
func (d *delivery) sort(failures []Failure) {
	taken := len(d.rest) - len(failures)
	d.p.acknowledged.Add(int64(taken))
	if taken > 0 {
		d.loop.Reset()
	}
	// A new slice, so that the order of the batch's own is kept while codes are read.
	rest := make([]Entry, 0, len(failures))
	d.codes = d.codes[:0]
	for _, failure := range failures {
		entry := d.rest[failure.Index]
		if failure.Retry {
			rest, d.codes = append(rest, entry), append(d.codes, failure.Code)
			continue
		}
		d.refuse(entry, failure.Code)
		if d.remedy == "" {
			d.remedy = failure.Remedy
		}
	}
	d.rest = rest
}

func (d *delivery) refuse(e Entry, code string) {
	d.refused = append(d.refused, Undelivered{Index: e.index, ID: e.ID, Code: code})
}

// giveUp records what is left as refused.
func (d *delivery) giveUp() {
	for i, entry := range d.rest {
		d.refuse(entry, d.codes[i])
	}
	d.rest = nil
}

func (d *delivery) code() string {
	if len(d.codes) == 0 {
		return ""
	}
	return d.codes[0]
}

// result returns the delivery's error, nil when every entry was accepted.
func (d *delivery) result() error {
	spent := len(d.rest) > 0
	d.giveUp()
	if len(d.refused) == 0 {
		return nil
	}
	e := &Error{
		Bus: d.p.driver.String(), Count: len(d.refused), Events: d.refused[:min(len(d.refused), MaxListed)],
		Problem: "the bus refused messages", Remedy: d.remedy, Tries: d.sent,
	}
	switch {
	case d.whole != nil:
		e.Problem, e.Err = d.whole.Error(), d.whole
		if d.whole.Remedy != "" {
			e.Remedy = d.whole.Remedy
		}
	case spent:
		e.Problem = "the bus kept failing"
	}
	return e
}

// late returns the error when the time left does not allow the wait before another
// attempt.
func (d *delivery) late(wait time.Duration) error {
	err := d.result()
	var e *Error
	if errors.As(err, &e) {
		e.Problem += fmt.Sprintf("; the time left does not allow the wait of %s before another try", wait.Round(time.Millisecond))
		e.Err = errors.Join(e.Err, context.DeadlineExceeded)
	}
	return err
}
