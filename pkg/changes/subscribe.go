package changes

import (
	"context"
	"time"
)

// subscribeEvery is how often the subscription is looked at. Graph does not tell that one
// to users is lost.
const subscribeEvery = time.Hour

// subscribe has the subscription looked at where it is time to. What has changed is
// published all the same if that fails, and the next run tries again.
func (r *run) subscribe(ctx context.Context, renew bool) error {
	now := time.Now()
	if since := now.Sub(r.p.SubscribedAt); r.f.Subscribe == nil || !renew && since >= 0 && since < subscribeEvery {
		return nil
	}
	s, err := r.f.Subscribe(ctx, renew)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		r.f.Log.ErrorContext(ctx, "Graph does not notify of changes, which the schedule alone finds now", "error", err)
		r.result.Subscription = &Subscription{Error: err.Error()}
		return nil
	}
	r.result.Subscription = &s
	r.p.SubscribedAt = now.UTC()
	if r.version == "" {
		return nil // it is stored with the first mirror
	}
	return r.save(ctx)
}
