package graph

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

const (
	// governorFrom is the part of the quota from which on Graph reports, in
	// x-ms-throttle-limit-percentage (0.8 to 1.8), how much of it is used.
	governorFrom   = 0.8
	governorWindow = 10 * time.Second // in which the quota refills
	// maxPatience is the longest time after which one more request may be under way.
	maxPatience = 5 * time.Minute
	// unlimited is a number of requests under way that no list comes to.
	unlimited = 64
)

// governor slows all requests of a client down together, before Graph has to refuse
// them and after it has refused one: the quota that they use up is the same. Half as many
// of them may be under way then, and one more again and again; if that was too many, it
// is taken back, and tried again after twice as long.
type governor struct {
	mu       sync.Mutex
	until    time.Time // no request starts before
	shown    time.Time // the until that whoever watches knows of
	limit    int       // requests that may be under way, 0 for any number
	underWay int
	lowered  time.Time     // when the limit was lowered last
	changed  time.Time     // when it was lowered or raised last
	patience time.Duration // how long it stays as it is
	ended    chan struct{} // closed when a request under way has ended, if one waits for that
}

// observe looks at the response to a request that was sent at the given time.
func (g *governor) observe(resp *http.Response, sent time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	used, err := strconv.ParseFloat(resp.Header.Get("x-ms-throttle-limit-percentage"), 64)
	nearly := err == nil && used >= governorFrom
	if nearly {
		g.postpone(now.Add(time.Duration((min(used, 1.8) - 0.7) * float64(governorWindow))))
	}
	// What was sent before the limit was lowered says nothing about the new one.
	if (nearly || resp.StatusCode == http.StatusTooManyRequests) && sent.After(g.lowered) {
		if g.limit > 0 && g.changed.After(g.lowered) { // the one more was too many
			g.limit--
			g.patience *= 2
		} else {
			g.limit = max(1, g.underWay/2)
		}
		g.patience = min(max(g.patience, governorWindow), maxPatience)
		g.lowered, g.changed = now, now
	}
}

// refused makes all requests wait as long as the one that Graph has refused.
func (g *governor) refused(wait time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.postpone(time.Now().Add(wait))
	g.shown = g.until // with the retry itself
}

func (g *governor) postpone(until time.Time) {
	if until.After(g.until) {
		g.until = until
	}
}

// pause returns how long the next request should wait, and whether that is news.
func (g *governor) pause() (wait time.Duration, news bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	news = g.until != g.shown
	g.shown = g.until
	return max(0, time.Until(g.until)), news
}

// enter reports whether one more request may be under way. If not, ended is closed as
// soon as that may have changed.
func (g *governor) enter() (ok bool, ended <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	since := g.changed
	if g.until.After(since) {
		since = g.until // while nothing is sent nothing shows
	}
	if g.limit > 0 && time.Since(since) >= g.patience {
		g.limit++
		g.changed = time.Now()
		if g.limit >= unlimited {
			g.limit = 0
		}
	}
	if g.limit == 0 || g.underWay < g.limit {
		g.underWay++
		return true, nil
	}
	if g.ended == nil {
		g.ended = make(chan struct{})
	}
	return false, g.ended
}

// leave ends what enter has allowed.
func (g *governor) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.underWay--
	if g.ended != nil {
		close(g.ended)
		g.ended = nil
	}
}

// waitForQuota waits until the next request may be sent, and counts it as under way. A
// pause that would outlast the deadline of ctx is not made.
func (c *Client) waitForQuota(ctx context.Context) error {
	for {
		pause, news := c.governor.pause()
		if pause > 0 && retry.Fits(ctx, pause) {
			if news {
				c.onPause(retry.Pause{Host: c.base.Host, Why: "the quota of requests is nearly used up", For: pause, Advice: "nothing to do: it refills within seconds"})
			}
			telemetry.SpanEvent(ctx, "wait for the quota", slog.Duration("wait", pause))
			if err := retry.Wait(ctx, pause); err != nil {
				return err
			}
		}
		ok, ended := c.governor.enter()
		if ok {
			return nil
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
