package changes

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// The types of the events.
const (
	EventCreated  = "rollcall.user.created"
	EventUpdated  = "rollcall.user.updated"
	EventDeleted  = "rollcall.user.deleted"
	EventRestored = "rollcall.user.restored"
	EventPurged   = "rollcall.user.purged"
)

// decide says which events lead from one record of a user to the next; nil is no record.
func decide(before, after *record, differs bool) []string {
	live := func(r *record) bool { return r != nil && !r.deleted }
	switch {
	case !live(before) && live(after):
		if before == nil {
			return []string{EventCreated}
		}
		return []string{EventRestored}
	case live(before) && live(after) && differs:
		return []string{EventUpdated}
	case live(before) && after == nil:
		return []string{EventDeleted, EventPurged}
	case live(before) && !live(after):
		return []string{EventDeleted}
	case before != nil && after == nil:
		return []string{EventPurged}
	}
	return nil
}

// events makes the events of one user.
func (t *turn) events(tenant string, before, after *record) []bus.Event {
	if before != nil && after != nil && before.deleted == after.deleted && bytes.Equal(before.object, after.object) {
		return nil
	}
	shown, was, is := after, fields(nil), fields(nil)
	if before != nil {
		was = t.Columns.fields(before.object)
	}
	if after != nil {
		is = t.Columns.fields(after.object)
	}
	var differing []int
	if before != nil && after != nil && !after.deleted {
		for i, name := range t.Columns {
			if t.Compared.has(name) && !sameValue(was[i], is[i]) {
				differing = append(differing, i)
			}
		}
	}
	var all []bus.Event
	for n, kind := range decide(before, after, len(differing) > 0) {
		if kind == EventDeleted || kind == EventPurged {
			shown, is = before, was
		}
		data := append(t.Columns.appendObject([]byte(`{"user":`), shown.id, is, asNull), t.appendDiffering(nil, differing, was)...)
		e := bus.Event{
			Source: "urn:rollcall:tenant:" + tenant, Type: kind, Subject: string(shown.id), Time: t.At,
			Sequence: fmt.Sprintf("%020d", 2*t.Turn+int64(n)), Data: append(data, '}'),
		}
		h := sha256.New()
		// Graph may give the same link twice, so the turn is part of it.
		for _, part := range []string{tenant, t.Base, e.Sequence, e.Subject, e.Type, string(e.Data)} {
			_, _ = fmt.Fprintf(h, "%d:%s\n", len(part), part)
		}
		e.ID = hex.EncodeToString(h.Sum(nil)[:16])
		all = append(all, e)
	}
	return all
}

// appendDiffering writes what has changed, and what it was before.
func (t *turn) appendDiffering(dst []byte, differing []int, was fields) []byte {
	if len(differing) == 0 {
		return dst
	}
	changed, before := []byte(`,"changed":[`), []byte(`,"before":{`)
	for n, i := range differing {
		if n > 0 {
			changed, before = append(changed, ','), append(before, ',')
		}
		value := []byte(null)
		if was.valued(i) {
			value = was[i]
		}
		changed, _ = jsontext.AppendQuote(changed, t.Columns[i])
		before, _ = jsontext.AppendQuote(before, t.Columns[i])
		before = append(append(before, ':'), value...)
	}
	return append(append(append(append(dst, changed...), ']'), before...), '}')
}

func (c *Counts) count(kind string) {
	switch kind {
	case EventCreated:
		c.Created++
	case EventUpdated:
		c.Updated++
	case EventDeleted:
		c.Deleted++
	case EventRestored:
		c.Restored++
	case EventPurged:
		c.Purged++
	}
}

// Add adds the counts of further events.
func (c *Counts) Add(other Counts) {
	c.Created += other.Created
	c.Updated += other.Updated
	c.Deleted += other.Deleted
	c.Restored += other.Restored
	c.Purged += other.Purged
}

// publish sends what is pending to every bus, and once all have acknowledged it takes it
// over. It reports false where the time did not suffice; the next run goes on.
func (r *run) publish(ctx context.Context) (done bool, err error) {
	t := r.p.Pending
	out := newOutlet(r.f.Buses)
	defer out.close()
	sent := Counts{}
	done = true
	for _, i := range slices.Sorted(maps.Keys(t.Shards)) {
		if i < t.Next {
			continue
		}
		if !r.left(ctx, 1./8) && i > t.Next {
			t.Next, done = i, false
			break
		}
		if err := r.publishShard(ctx, out, t, i, &sent); err != nil {
			return false, err
		}
	}
	if err := out.flush(ctx); err != nil {
		return false, fmt.Errorf("the changes were not published to every bus; they are kept, and the next run sends them first: %w", err)
	}
	t.Counts.Add(sent)
	r.result.Add(sent)
	telemetry.Observe(ctx, telemetry.Events, float64(sent.Total()))
	if done {
		return true, r.commit(ctx, t)
	}
	return false, r.save(ctx)
}

func (r *run) publishShard(ctx context.Context, out *outlet, t *turn, i int, sent *Counts) error {
	before, err := r.records(ctx, i, &r.p.Shards[i])
	if err != nil {
		return err
	}
	s := t.Shards[i]
	after, err := r.records(ctx, i, &s)
	if err != nil {
		return err
	}
	return pairs(before, after, func(old, now *record) error {
		for _, e := range t.events(r.f.Tenant, old, now) {
			sent.count(e.Type)
			out.publish(ctx, e)
		}
		return context.Cause(ctx)
	})
}

// outlet is all buses of a run. One that fails keeps no other from the events.
type outlet struct {
	buses  []Bus
	failed []error
}

func newOutlet(open []func() Bus) *outlet {
	o := &outlet{failed: make([]error, len(open))}
	for _, f := range open {
		o.buses = append(o.buses, f())
	}
	return o
}

func (o *outlet) publish(ctx context.Context, e bus.Event) {
	for i, b := range o.buses {
		if o.failed[i] == nil {
			o.failed[i] = b.Publish(ctx, e)
		}
	}
}

func (o *outlet) flush(ctx context.Context) error {
	for i, b := range o.buses {
		if o.failed[i] == nil {
			o.failed[i] = b.Flush(ctx)
		}
	}
	return errors.Join(o.failed...)
}

func (o *outlet) close() {
	for _, b := range o.buses {
		b.Close()
	}
}
