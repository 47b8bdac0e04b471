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

// recheckPause is the least time between two reads of [Cache.Recheck].
const recheckPause = 10 * time.Second

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
	failed    error     // why the last read failed
	rechecked time.Time // when Recheck last read
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
func (c *Cache[T]) Get(ctx context.Context) (T, error) {
	return c.get(ctx, false, func() bool { return time.Now().Before(c.due) })
}

// Reread reads past the cache. Where that fails, the cached value is kept for Get.
func (c *Cache[T]) Reread(ctx context.Context) (T, error) {
	return c.get(ctx, true, func() bool { return false })
}

// Recheck reads past the cache like Reread, but every ten seconds at most; in between, it
// returns what the last read has given. It is for a request that does not match the
// cached secret: the secret may have been rotated, but anybody can send such requests,
// and the store is not theirs to wear out.
func (c *Cache[T]) Recheck(ctx context.Context) (T, error) {
	return c.get(ctx, true, func() bool {
		if time.Now().Before(c.rechecked.Add(recheckPause)) {
			return true
		}
		c.rechecked = wall(0)
		return false
	})
}

// get returns the cached value if it suffices, else reads it. Where the caller insists,
// a read that failed is the caller's error.
func (c *Cache[T]) get(ctx context.Context, insist bool, suffices func() bool) (T, error) {
	var none T
	// Unlike a mutex, it releases those whose context ends while they wait.
	select {
	case c.semaphore <- struct{}{}:
		defer func() { <-c.semaphore }()
	case <-ctx.Done():
		return none, c.source.stopped(ctx.Err())
	}
	if c.filled && suffices() {
		if insist && c.failed != nil {
			return none, c.failed
		}
		return c.value, nil
	}
	value, err := c.read(ctx)
	c.failed = err
	switch {
	case err == nil:
		c.value, c.filled, c.due = value, true, wall(c.ttl)
	case insist || !c.filled:
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
