package secret

import (
	"context"
	"log/slog"
	"time"
)

// DefaultTTL is how long a secret that was read is used before it is read again.
const DefaultTTL = 15 * time.Minute

// refreshPause is how long a value whose refresh failed is used before the next
// attempt, so that an outage of the store does not slow every call down.
const refreshPause = time.Minute

// Cache keeps what was last made of a secret. It is safe for concurrent use and
// has one read under way at a time.
type Cache[T any] struct {
	source Source
	ttl    time.Duration
	log    *slog.Logger
	read   func(ctx context.Context) (T, error)

	semaphore chan struct{}
	value     T
	filled    bool
	due       time.Time
}

// NewCache returns an empty cache of what read makes of the secret at source.
// ttl is [DefaultTTL] where it is 0; log gets a line for each refresh that failed.
func NewCache[T any](source Source, ttl time.Duration, log *slog.Logger, read func(ctx context.Context) (T, error)) *Cache[T] {
	if ttl == 0 {
		ttl = DefaultTTL
	}
	return &Cache[T]{source: source, ttl: ttl, log: log, read: read, semaphore: make(chan struct{}, 1)}
}

// Get returns the cached value while it is fresh, else reads it. A value whose
// refresh fails stays in use: a store that is down does not stop a run whose
// secret still works.
func (c *Cache[T]) Get(ctx context.Context) (T, error) { return c.get(ctx, false) }

// Reread reads past the cache. Where that fails, the cached value is kept for Get.
func (c *Cache[T]) Reread(ctx context.Context) (T, error) { return c.get(ctx, true) }

func (c *Cache[T]) get(ctx context.Context, reread bool) (T, error) {
	var none T
	// Unlike a mutex, it releases those whose context ends while they wait.
	select {
	case c.semaphore <- struct{}{}:
		defer func() { <-c.semaphore }()
	case <-ctx.Done():
		return none, c.source.stopped(ctx.Err())
	}
	if !reread && c.filled && time.Now().Before(c.due) {
		return c.value, nil
	}
	value, err := c.read(ctx)
	switch {
	case err == nil:
		c.value, c.filled, c.due = value, true, wall(c.ttl)
	case reread || !c.filled:
		return none, err
	default:
		c.log.WarnContext(ctx, "a secret could not be refreshed, the cached one stays in use", "source", c.source, "error", err)
		c.due = wall(refreshPause)
	}
	return c.value, nil
}

// wall returns the time in d by the wall clock: the monotonic one stands still
// while a Lambda sandbox is frozen between invocations.
func wall(d time.Duration) time.Time { return time.Now().Add(d).Round(0) }
