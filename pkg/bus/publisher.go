package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Options tune a Publisher. The zero value is ready for use.
type Options struct {
	// InFlight is how many requests may be in flight at once. Default 4; always
	// 1 on a bus that keeps an order.
	InFlight int
	// Tries is how often an entry is sent before it has failed, counted anew
	// whenever others of its batch were accepted meanwhile. Default 10, which with
	// the waits between them is about half a minute.
	Tries int
	// Timeout bounds one request. Default 30 s.
	Timeout time.Duration
	// Claim stores the data of an event that the service does not accept, such as
	// one too large, where consumers can read it, and returns the URL; the
	// event is then sent with that as its dataref and without data. Given the
	// same id twice, it overwrites. Without Claim such an event is an error.
	Claim func(ctx context.Context, id string, data []byte) (url string, err error)
	// Log records retries. Default slog.Default().
	Log *slog.Logger
}

// Stats counts what a Publisher did.
type Stats struct {
	// Acknowledged is how many events the bus accepted, Claims how many of the
	// published went as a claim check.
	Acknowledged, Claims int64
	// Requests is how many were made, Retried how many entries were resent.
	Requests, Retried int64
}

// Publisher sends events to one bus: in full batches, resending only what failed,
// in the order of each subject where the bus keeps an order. Its memory is that of
// the requests in flight. One goroutine at a time may use it.
type Publisher struct {
	driver  Driver
	limits  Limits
	tries   int
	timeout time.Duration
	claim   func(ctx context.Context, id string, data []byte) (string, error)
	log     *slog.Logger

	pool    *pool
	open    *batch // being filled, nil when none is
	scratch []byte
	count   int // events given to Publish

	life context.Context // ends with Close, and with it what is in flight
	end  context.CancelCauseFunc

	acknowledged, claims, requests, retried atomic.Int64

	mu  sync.Mutex
	err error // the first failure, which stays
}

// New returns a Publisher that sends to driver. The caller ends it with Flush or
// Close.
func New(driver Driver, o Options) *Publisher {
	p := &Publisher{
		driver: driver, limits: driver.Limits(), claim: o.Claim,
		tries: cmp.Or(o.Tries, 10), timeout: cmp.Or(o.Timeout, 30*time.Second), log: cmp.Or(o.Log, slog.Default()),
	}
	inFlight := cmp.Or(o.InFlight, 4)
	if p.limits.Ordered {
		inFlight = 1
	}
	p.pool = newPool(inFlight)
	p.life, p.end = context.WithCancelCause(context.Background())
	return p
}

// Publish takes an event; returning nil does not mean that the event was
// sent. It waits while as many requests as allowed are in flight. A request lives
// as long as the ctx of the Publish that completed its batch, so give all calls
// the same. After an error, which is an [*Error] or the end of ctx, the
// Publisher sends nothing more and every call returns that error.
func (p *Publisher) Publish(ctx context.Context, e Event) error {
	if err := p.failure(); err != nil {
		return err
	}
	if err := p.publish(ctx, e); err != nil {
		return p.fail(err)
	}
	return nil
}

func (p *Publisher) publish(ctx context.Context, e Event) error {
	if ctx.Err() != nil {
		return p.interrupted(ctx)
	}
	entry, err := p.encode(ctx, e)
	if err != nil {
		return err
	}
	p.count++
	order := e.order()
	if p.open != nil && !p.open.fits(&entry, order, p.limits) {
		if err := p.dispatch(ctx); err != nil {
			return err
		}
	}
	if p.open == nil {
		if p.open, err = p.pool.take(ctx); err != nil {
			return p.interrupted(ctx)
		}
	}
	p.open.add(entry, order, p.scratch)
	if len(p.open.entries) == p.limits.Entries {
		return p.dispatch(ctx)
	}
	return nil
}

// dispatch sends the open batch.
func (p *Publisher) dispatch(ctx context.Context) error {
	if err := p.pool.acquire(ctx); err != nil {
		return p.interrupted(ctx)
	}
	b := p.open
	p.open = nil
	b.close()
	if err := p.failure(); err != nil {
		// What failed during the wait must not be overtaken by this batch.
		p.pool.release(b)
		return err
	}
	go func() {
		defer p.pool.release(b)
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		defer context.AfterFunc(p.life, func() { cancel(context.Cause(p.life)) })()
		if err := p.deliver(ctx, b.entries); err != nil {
			_ = p.fail(err)
		}
	}()
	return nil
}

// Flush sends what is buffered and returns once the bus has acknowledged every
// event published so far. Where it returns an error, nothing is in flight any more.
func (p *Publisher) Flush(ctx context.Context) error {
	if p.open != nil && p.failure() == nil {
		if err := p.dispatch(ctx); err != nil {
			_ = p.fail(err)
		}
	}
	if err := p.pool.wait(ctx); err != nil {
		// Requests that end now fail because of this, so it is recorded first.
		_ = p.fail(p.interrupted(ctx))
		p.Close()
	}
	return p.failure()
}

var errClosed = errors.New("the publisher is closed")

// Close ends the requests in flight and waits for that. What was not flushed may
// or may not have arrived. It may be called more than once, and after Flush.
func (p *Publisher) Close() {
	p.end(errClosed)
	_ = p.pool.wait(context.Background())
	_ = p.fail(fmt.Errorf("publish to %s: %w", p.driver, errClosed))
}

// Stats returns the figures so far.
func (p *Publisher) Stats() Stats {
	return Stats{
		Acknowledged: p.acknowledged.Load(), Claims: p.claims.Load(), Requests: p.requests.Load(), Retried: p.retried.Load(),
	}
}

func (p *Publisher) interrupted(ctx context.Context) error {
	return fmt.Errorf("publish to %s: %w", p.driver, context.Cause(ctx))
}

func (p *Publisher) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// fail records an error and returns the one that stays: the first, together with
// the events of later ones.
func (p *Publisher) fail(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
		return err
	}
	var first, later *Error
	if errors.As(p.err, &first) && errors.As(err, &later) && first != later {
		p.err = first.with(later)
	}
	return p.err
}
