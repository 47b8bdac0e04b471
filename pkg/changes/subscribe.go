package changes

import (
	"context"
	"fmt"
	"time"
)

const (
	// subscribeEvery is how often the subscription is looked at. Graph does not tell that
	// one to users is lost.
	subscribeEvery = time.Hour
	// maxSubscribe is how long that may take, and a quarter of the run's time at most: what
	// has changed does not wait for it.
	maxSubscribe = time.Minute
)

// subscribe has the subscription looked at where it is time to. What has changed is
// published all the same if that fails, and the next run tries again. A renewal that was
// asked for is asked for once, so one that failed is not forgotten: the time of the last
// look is, and as long as there is none each look renews.
func (r *run) subscribe(ctx context.Context, renew bool) error {
	now := time.Now()
	renew = renew || r.p.SubscribedAt.IsZero()
	if since := now.Sub(r.p.SubscribedAt); r.f.Subscribe == nil || !renew && since >= 0 && since < subscribeEvery {
		return nil
	}
	s, err := r.look(ctx, renew)
	switch {
	case err == nil:
		r.result.Subscription = &s
		return r.subscribed(ctx, now.UTC())
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	r.f.Log.ErrorContext(ctx, "the subscription by which Graph notifies of changes is not as it should be; the schedule finds them all the same", "error", err, "id", s.ID)
	s.Error = err.Error()
	r.result.Subscription = &s
	if renew {
		return r.subscribed(ctx, time.Time{})
	}
	return nil
}

// look looks at the subscription.
func (r *run) look(ctx context.Context, renew bool) (Subscription, error) {
	limit := maxSubscribe
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline)/4)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("what is asked of Graph about the subscription took longer than %s", limit.Round(time.Second)))
	defer cancel()
	return r.f.Subscribe(ctx, renew)
}

// subscribed remembers when the subscription was looked at.
func (r *run) subscribed(ctx context.Context, at time.Time) error {
	if r.p.SubscribedAt.Equal(at) {
		return nil
	}
	r.p.SubscribedAt = at
	if r.version == "" {
		return nil // it is stored with the first mirror
	}
	return r.save(ctx)
}
