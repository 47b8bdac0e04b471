package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
)

const (
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 20 * time.Second
)

// delivery is one batch on its way: what is still to be taken, and what never
// will be.
type delivery struct {
	p       *Publisher
	rest    []Entry
	tries   int // since the last entry was taken
	sent    int // requests
	refused []Undelivered
	remedy  string
	whole   *Refusal // of the last request, nil when that was answered entry by entry
	codes   []string // why each of rest failed last
}

// deliver sends the entries until each was taken or refused. The order of what is
// left is kept.
func (p *Publisher) deliver(ctx context.Context, entries []Entry) error {
	d := &delivery{p: p, rest: entries}
	for {
		if err := d.attempt(ctx); err != nil {
			return err
		}
		if len(d.rest) == 0 || d.tries == p.tries {
			return d.result()
		}
		wait := backoff(d.tries)
		if d.whole != nil {
			wait = max(wait, d.whole.After)
		}
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
			return d.late(wait)
		}
		p.retried.Add(int64(len(d.rest)))
		p.log.LogAttrs(ctx, slog.LevelWarn, "Messages are sent again",
			slog.String("bus", p.driver.String()), slog.Int("messages", len(d.rest)), slog.String("code", d.code()),
			slog.Int("try", d.tries), slog.Duration("wait", wait))
		if !sleep(ctx, wait) {
			return p.interrupted(ctx)
		}
	}
}

// attempt makes one request and sorts what it did not take.
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
	d.tries++
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

// sort keeps the entries that are worth another try.
func (d *delivery) sort(failures []Failure) {
	taken := len(d.rest) - len(failures)
	d.p.acknowledged.Add(int64(taken))
	if d.tries++; taken > 0 {
		d.tries = 1
	}
	// A new slice: the batch's own is not ours to reorder while codes are read.
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

// giveUp counts what is left as refused.
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

// result is the delivery's error, nil when every entry was taken.
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

// late is the error when the time left does not allow the wait before another
// try.
func (d *delivery) late(wait time.Duration) error {
	err := d.result()
	var e *Error
	if errors.As(err, &e) {
		e.Problem += fmt.Sprintf("; the time left does not allow the wait of %s before another try", wait.Round(time.Millisecond))
		e.Err = errors.Join(e.Err, context.DeadlineExceeded)
	}
	return err
}

// backoff returns the wait before try number failed+1: a tenth of a second,
// doubling up to twenty, with jitter of a half so that many do not retry as one.
func backoff(failed int) time.Duration {
	d := lastBackoff
	if failed < 9 {
		d = min(lastBackoff, firstBackoff<<(max(failed, 1)-1))
	}
	return d/2 + rand.N(d/2+1)
}

// sleep reports whether the wait was not interrupted.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
