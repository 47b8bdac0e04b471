package store

import (
	"context"
	"time"
)

// Outlive returns a context that ends a while after ctx does. A request that
// changes what a place holds is made under one: when it is cut off, nobody knows
// what it did.
func Outlive(ctx context.Context, while time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(while)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-longer.Done():
		}
	})
	return longer, func() {
		stop()
		cancel()
	}
}
