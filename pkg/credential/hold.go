package credential

import (
	"context"
	"time"
)

// refreshPause is how long an identity whose refresh failed is used before the
// next attempt, so that an outage of the store does not slow every call down.
const refreshPause = time.Minute

// held is the identity that was read last.
type held struct {
	identity Identity
	ok       bool
	due      time.Time
}

// Identity returns the app that the source keeps, from the cache while that is
// fresh. Its errors are *[Error], or the context's.
func (c *Credential) Identity(ctx context.Context) (Identity, error) {
	if err := c.gate.enter(ctx); err != nil {
		return Identity{}, c.stopped(err)
	}
	defer c.gate.leave()
	return c.identity(ctx)
}

// identity returns the cached identity or reads it. A refresh that fails is
// logged and the cached identity stays: a store that is down does not stop a run
// whose secret still works. The caller holds the gate, as everywhere below.
func (c *Credential) identity(ctx context.Context) (Identity, error) {
	if c.held.ok && time.Now().Before(c.held.due) {
		return c.held.identity, nil
	}
	id, err := c.reread(ctx)
	if err != nil && c.held.ok {
		c.log.WarnContext(ctx, "credentials could not be refreshed, the cached ones stay in use", "error", err)
		c.held.due = wall(refreshPause)
		return c.held.identity, nil
	}
	return id, err
}

// reread reads past the cache. A changed identity replaces the azidentity
// credential and with it every token bought by the old one.
func (c *Credential) reread(ctx context.Context) (Identity, error) {
	id, err := c.readIdentity(ctx)
	if err != nil {
		return Identity{}, err
	}
	if c.held.ok && !id.equal(c.held.identity) {
		c.azure = nil
		c.log.InfoContext(ctx, "credentials changed", "source", c.source)
	}
	c.held = held{identity: id, ok: true, due: wall(c.ttl)}
	return id, nil
}

// wall returns the time in d by the wall clock: the monotonic one stands still
// while a Lambda sandbox is frozen between invocations.
func wall(d time.Duration) time.Time { return time.Now().Add(d).Round(0) }
