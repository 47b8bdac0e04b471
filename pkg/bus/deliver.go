package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// delivery is one batch in flight: what is still to be delivered, and what never will
// be.
type delivery struct {
	p       *Publisher
	rest    []Entry
	part    int        // how many of rest go with the next request
	loop    retry.Loop // counts since the last entry was accepted
	refused []Undelivered
	tries   int // of the last of them
	remedy  string
	whole   *Refusal // of the last request, nil when that was answered entry by entry
}

// errRest stands for the entries that were not accepted yet.
var errRest = errors.New("entries are left")

// deliver sends the entries until each was accepted or refused. The order of what is
// left is kept.
func (p *Publisher) deliver(ctx context.Context, entries []Entry) (err error) {
	defer crash.Recover(&err) // it has a goroutine of its own
	d := &delivery{p: p, rest: entries, part: len(entries), loop: retry.Loop{
		Policy: retry.Policy{Attempts: p.tries, First: 100 * time.Millisecond, Last: 20 * time.Second},
	}}
	for {
		settled, err := d.attempt(ctx)
		switch {
		case err != nil:
			return err
		case len(d.rest) == 0:
			return d.result()
		case settled:
			continue
		}
		// A service may ask for a longer wait than ours, not for a shorter one.
		wait := d.loop.Policy.Backoff(d.loop.Failures() + 1)
		if d.whole != nil {
			wait = max(wait, d.whole.After)
		}
		err = d.loop.Again(ctx, errRest, wait, d.retrying(ctx))
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
		d.p.retried.Add(int64(d.part))
		telemetry.SpanEvent(ctx, "publish again", slog.Int("try", d.loop.Failures()), slog.Duration("wait", wait))
		d.p.log.LogAttrs(ctx, slog.LevelWarn, "Messages are sent again",
			slog.String("bus", d.p.driver.String()), slog.Int("messages", d.part), slog.String("code", d.rest[0].code),
			slog.Int("try", d.loop.Failures()), slog.Duration("wait", wait))
	}
}

// attempt makes one request and sorts the entries that it did not deliver. settled says
// that nothing of it is to be sent again as it was.
func (d *delivery) attempt(ctx context.Context) (settled bool, err error) {
	request, cancel := context.WithTimeout(ctx, d.p.timeout)
	defer cancel()
	for i := range d.rest[:d.part] {
		d.rest[i].tries++
	}
	d.p.requests.Add(1)
	request, span := telemetry.StartCall(request, "publish", slog.String("messaging.destination.name", d.p.driver.String()), slog.Int("messaging.batch.message_count", d.part))
	failures, err := d.p.driver.Send(request, d.rest[:d.part])
	span.Set(slog.Int("rollcall.refused", len(failures)))
	span.End(err)
	if err == nil {
		d.whole = nil
		return d.sort(failures), nil
	}
	if ctx.Err() != nil {
		return false, d.p.interrupted(ctx)
	}
	if d.whole = nil; !errors.As(err, &d.whole) {
		d.whole = &Refusal{Problem: "the request could not be made", Err: err}
	}
	for i := range d.rest[:d.part] {
		d.rest[i].code = d.whole.Code
	}
	switch {
	case d.whole.Retry:
		return false, nil
	case d.whole.Divide && d.part > 1:
		d.part /= 2
	case d.whole.Divide:
		d.giveUp(1)
	default:
		d.giveUp(len(d.rest))
	}
	return true, nil
}

// sort keeps the entries that are worth another attempt. It reports whether there are
// none.
func (d *delivery) sort(failures []Failure) (settled bool) {
	taken := d.part - len(failures)
	d.p.acknowledged.Add(int64(taken))
	if taken > 0 {
		d.loop.Reset()
	}
	// A new slice, so that the order of the batch's own is kept while it is read.
	rest := make([]Entry, 0, len(d.rest)-taken)
	for _, failure := range failures {
		entry := d.rest[failure.Index]
		entry.code = failure.Code
		if failure.Retry {
			rest = append(rest, entry)
			continue
		}
		d.refuse(entry, failure.Remedy)
	}
	again := len(rest)
	rest = append(rest, d.rest[d.part:]...)
	if again == 0 {
		// What was refused is behind: more may go at once again.
		again = min(2*d.part, len(rest))
		settled = true
	}
	d.rest, d.part = rest, again
	return settled
}

func (d *delivery) refuse(e Entry, remedy string) {
	d.refused, d.tries = append(d.refused, Undelivered{Index: e.index, ID: e.ID, Code: e.code}), e.tries
	if d.remedy == "" {
		d.remedy = remedy
	}
}

// giveUp records the first n of what is left as refused.
func (d *delivery) giveUp(n int) {
	remedy := ""
	if d.whole != nil {
		remedy = d.whole.Remedy
	}
	for _, entry := range d.rest[:n] {
		d.refuse(entry, remedy)
	}
	d.rest = d.rest[n:]
	d.part = min(d.part, len(d.rest))
}

// result returns the delivery's error, nil when every entry was accepted.
func (d *delivery) result() error {
	spent := len(d.rest) > 0
	d.giveUp(len(d.rest))
	if len(d.refused) == 0 {
		return nil
	}
	e := &Error{
		Bus: d.p.driver.String(), Count: len(d.refused), Events: d.refused[:min(len(d.refused), MaxListed)],
		Problem: "the bus refused messages", Remedy: d.remedy, Tries: d.tries,
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
