package subscription

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/fault"
)

// How notifications are delivered. Only the four hours are documented; the rest is of the
// order that is observed.
const (
	retryFor   = 4 * time.Hour
	firstRetry = 10 * time.Second
	// mostDoublings of firstRetry are longer than retryFor.
	mostDoublings = 11
	batchLimit    = 100   // notices in a request
	queueLimit    = 2_000 // notices that wait for one subscriber

	// From reminderLead before its end a subscription asks to be reauthorised, every
	// reminderEvery.
	reminderLead  = time.Hour
	reminderEvery = 15 * time.Minute
)

// courier delivers the notices of one subscription, one request at a time. The service's
// lock guards it.
type courier struct {
	*Service
	Subscription

	queue    []notice
	inFlight int
	counts   Counts
	reminded time.Time
	settled  bool // reauthorised since the last renewal
	lapsed   bool // the authorisation: nothing is delivered until it is renewed

	timer   *time.Timer // starts run when something is to be done
	running bool
	cancel  context.CancelFunc
}

// start begins to deliver, until the subscription ends or the service is closed. The caller
// has the lock.
func (c *courier) start(ctx context.Context) {
	ctx, c.cancel = context.WithCancel(ctx)
	c.timer = time.AfterFunc(time.Until(c.nextTime()), func() { c.run(ctx) })
}

// run delivers what is due.
func (c *courier) run(ctx context.Context) {
	c.mu.Lock()
	if c.running || c.closed || ctx.Err() != nil {
		c.mu.Unlock()
		return
	}
	c.running = true
	c.couriers.Add(1)
	c.mu.Unlock()
	defer c.couriers.Done()
	for c.deliver(ctx) {
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = false
	c.plan()
}

// plan sets the timer by what is to be done next. While the courier runs it has no effect;
// the end of the run plans again. The caller has the lock.
func (c *courier) plan() {
	if !c.running && !c.closed && c.Expires.After(time.Now()) {
		c.timer.Reset(time.Until(c.nextTime()))
	}
}

// push adds a notice, and drops the oldest when there are too many. The caller has the
// lock.
func (c *courier) push(n notice) {
	if len(c.queue)+c.inFlight >= queueLimit && len(c.queue) > 0 {
		c.queue = c.queue[1:]
		c.drop(1)
	}
	c.queue = append(c.queue, n)
}

// sendable says whether a notice can be sent now. The caller has the lock.
func (c *courier) sendable(n *notice, now time.Time) bool {
	return !n.due.After(now) && (n.lifecycle || !c.lapsed)
}

// nextTime is when something is to be done. The caller has the lock.
func (c *courier) nextTime() time.Time {
	next := c.Expires
	if at, ok := c.nextReminder(); ok && at.Before(next) {
		next = at
	}
	for i := range c.queue {
		if n := &c.queue[i]; n.due.Before(next) && (n.lifecycle || !c.lapsed) {
			next = n.due
		}
	}
	return next
}

// nextReminder is when the subscription asks to be reauthorised next. The caller has the
// lock.
func (c *courier) nextReminder() (at time.Time, ok bool) {
	if c.LifecycleNotificationURL == "" || c.settled {
		return at, false
	}
	if at = c.reminded.Add(reminderEvery); !c.lapsed {
		if first := c.Expires.Add(-reminderLead); first.After(at) {
			at = first
		}
	}
	return at, true
}

// due says whether there is something to send, and to which of the two addresses. It ends
// a subscription that has expired.
func (c *courier) due(now time.Time) (lifecycle bool, address string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forget()
	if !c.Expires.After(now) {
		return false, "", false
	}
	if at, ok := c.nextReminder(); ok && !at.After(now) {
		c.reminded = now
		if !slices.ContainsFunc(c.queue, func(n notice) bool { return n.lifecycle }) {
			c.push(notice{lifecycle: true, at: now, due: now})
		}
	}
	for i := range c.queue {
		if n := &c.queue[i]; c.sendable(n, now) {
			if n.lifecycle {
				return true, c.LifecycleNotificationURL, true
			}
			return false, c.NotificationURL, true
		}
	}
	return false, "", false
}

// take removes a batch of notices that are due from the queue, and returns it with its
// body.
func (c *courier) take(lifecycle bool, now time.Time) (batch []notice, body []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := c.queue[:0]
	for _, n := range c.queue {
		if n.lifecycle == lifecycle && len(batch) < batchLimit && c.sendable(&n, now) {
			batch = append(batch, n)
			continue
		}
		kept = append(kept, n)
	}
	c.queue, c.inFlight = kept, len(batch)
	return batch, c.payload(batch)
}

// deliver sends a batch, if something is due, and says whether there may be more.
func (c *courier) deliver(ctx context.Context) (more bool) {
	lifecycle, address, ok := c.due(time.Now())
	if !ok {
		return false
	}
	faults := c.injector.Within(fault.Notification, 0, fault.Event{})
	if faults.Has("subscription-lost") {
		c.End(c.ID)
		return false
	}
	treated := c.conditionOf(address)
	if (treated == slow || faults.Has("notification-slow")) && !sleep(ctx, c.config.Scaled(slowDelay)) {
		return false
	}
	batch, body := c.take(lifecycle, time.Now())
	dropped := treated == dropping || faults.Has("notification-dropped")
	var status int
	var late bool
	if !dropped {
		status, late = c.post(ctx, address, body)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inFlight = 0
	if dropped || ctx.Err() != nil && status/100 != 2 { // The subscription may have ended meanwhile.
		c.drop(len(batch))
		return ctx.Err() == nil
	}
	c.endpoint(address).record(time.Now(), late)
	counted := Counts{Requests: 1}
	if status/100 == 2 {
		counted.Delivered = len(batch)
	} else {
		counted.Failed = 1
		c.retry(batch, time.Now())
	}
	c.count(counted)
	return true
}

// resume lets changes be delivered again, if they were not: those that did not wait too
// long. The caller has the lock.
func (c *courier) resume() {
	if !c.lapsed {
		return
	}
	c.lapsed = false
	before, now := len(c.queue), time.Now()
	c.queue = slices.DeleteFunc(c.queue, func(n notice) bool { return !now.Before(n.at.Add(c.config.Scaled(retryFor))) })
	c.drop(before - len(c.queue))
}

// retry puts notices back that were not delivered, to be sent later each time until they
// are too old. The caller has the lock.
func (c *courier) retry(batch []notice, now time.Time) {
	for _, n := range batch {
		last := n.at.Add(c.config.Scaled(retryFor))
		if !now.Before(last) {
			c.drop(1)
			continue
		}
		n.due = now.Add(c.config.Scaled(firstRetry << min(n.attempts, mostDoublings)))
		if n.due.After(last) {
			n.due = last
		}
		n.attempts++
		c.push(n)
	}
}

// post sends a body and returns the status of the answer, 0 without one, and whether the
// answer was too late.
func (c *courier) post(ctx context.Context, address string, body []byte) (status int, late bool) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, false
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	start := time.Now()
	response, err := c.config.Endpoints.RoundTrip(r)
	if err == nil {
		status = response.StatusCode
		_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
		_ = response.Body.Close()
	}
	if c.config.Log != nil {
		c.config.Log.Info("notification", "subscription", c.ID, "status", status, "bytes", len(body), "took", time.Since(start).Round(time.Millisecond))
	}
	return status, errors.Is(err, context.DeadlineExceeded)
}

// sleep waits, or returns false when ctx has ended.
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
