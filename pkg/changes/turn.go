package changes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/baseline"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// turn is what one publication makes of the mirror: the shards that change, and what goes
// with them.
type turn struct {
	Kind string    `json:"kind"`
	Turn int64     `json:"turn"`
	At   time.Time `json:"at"`
	// Asked, Columns and Link are those of the mirror from then on; Base is the link of
	// the mirror from before.
	Asked   columns `json:"asked"`
	Columns columns `json:"columns"`
	Link    string  `json:"link"`
	Base    string  `json:"base"`
	// Compared are the columns whose changes are published.
	Compared columns       `json:"compared"`
	Shards   map[int]shard `json:"shards"`
	Next     int           `json:"next"` // the shards below are published
	Counts   Counts        `json:"counts"`
	Drift    int           `json:"drift"`
	Proven   bool          `json:"proven"`

	leavers int
	claim   *claim
	begun   map[int]bool // shards of the claim that may exist
}

// shards are those that the turn has written, none of no turn.
func (t *turn) shards() map[int]shard {
	if t == nil {
		return nil
	}
	return t.Shards
}

// claimed is the turn's claim, nil if it has none.
func (t *turn) claimed() *claim {
	if t == nil {
		return nil
	}
	return t.claim
}

// run is one run of a feed.
type run struct {
	f       *Feed
	p       pointer
	version store.Version   // of the stored pointer
	named   map[string]bool // objects that it names or claims, and that may exist
	began   time.Time
	result  *Result
	accept  string
	more    bool // the round of changes is not at its end
	cache   cache
	writer  *shardWriter
}

// left reports whether more than a share of the run's time is left.
func (r *run) left(ctx context.Context, share float64) bool {
	deadline, ok := ctx.Deadline()
	return !ok || time.Until(deadline) > time.Duration(share*float64(deadline.Sub(r.began)))
}

// newTurn begins a turn. Its number follows the clock, so that sequences go on to grow even
// if the state is lost.
func (r *run) newTurn(kind, link string, asked, cols columns) *turn {
	now := time.Now().UTC()
	return &turn{
		Kind: kind, Turn: max(r.p.Turn+1, now.UnixMilli()), At: now, Asked: asked, Columns: cols, Link: link, Base: r.p.Link,
		Compared: cols.common(r.p.Columns), Shards: map[int]shard{},
	}
}

// claimShards says which shards the turn may write. Whatever an earlier run has claimed and
// not used becomes obsolete.
func (r *run) claimShards(ctx context.Context, t *turn, shards []int) error {
	t.claim, t.begun = &claim{Nonce: store.Nonce(), Shards: shards}, map[int]bool{}
	r.p.Claim = t.claim
	return r.save(ctx)
}

// put stores a shard of the turn.
func (r *run) put(ctx context.Context, t *turn, i int, s shard, object []byte) error {
	if object != nil {
		s.Key = shardKey(r.f.Tenant, t.claim.Nonce, i)
		t.begun[i] = true
		if _, _, err := store.Move(ctx, r.f.State, s.Key, object, ""); err != nil {
			return fmt.Errorf("write a shard of the mirror: %w", err)
		}
		r.cache.add(s.Key, object)
	}
	t.Shards[i] = s
	return nil
}

// records reads a shard.
func (r *run) records(ctx context.Context, i int, s *shard) ([]record, error) {
	if s.Key == "" {
		return nil, nil
	}
	object, err := r.cache.get(s.Key), error(nil)
	if object == nil {
		if object, _, err = r.f.State.Read(ctx, s.Key); err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("read a shard of the mirror: %w", err)
		}
	}
	var records []record
	if err == nil {
		records, err = s.decode(object, r.head(i))
	}
	if err == nil {
		r.cache.add(s.Key, object)
		return records, nil
	}
	if r.overtaken(ctx) {
		return nil, r.conflict()
	}
	return nil, &store.StateError{
		URL: r.f.State.URL(s.Key), Err: err,
		Problem: "this shard of the mirror is lost or damaged; restore it, or delete " + pointerKey(r.f.Tenant) + " to begin with a new baseline, which publishes nothing",
	}
}

// overtaken reports whether another run has moved the pointer meanwhile, and with it may
// have deleted what this one knows.
func (r *run) overtaken(ctx context.Context) bool {
	_, version, err := r.f.State.Read(ctx, pointerKey(r.f.Tenant))
	return err == nil && version != r.version
}

// head is the first line of a shard.
func (r *run) head(i int) string {
	return fmt.Sprintf(`{"version":%d,"tenant":%q,"shard":"%02x"}`, shardVersion, r.f.Tenant, i)
}

// cache keeps the shards of small turns, which are read once more to be published.
type cache struct {
	objects map[string][]byte
	size    int
}

const maxCached = 8 << 20

func (c *cache) get(key string) []byte { return c.objects[key] }

func (c *cache) add(key string, object []byte) {
	if c.objects[key] != nil || c.size+len(object) > maxCached {
		return
	}
	if c.objects == nil {
		c.objects = map[string][]byte{}
	}
	c.objects[key] = object
	c.size += len(object)
}

// submit has the breaker look at a turn whose shards are written, and makes it pending.
func (r *run) submit(ctx context.Context, t *turn) error {
	if reasons := r.suspicions(t); len(reasons) > 0 {
		return r.hold(ctx, t, reasons)
	}
	r.release(t)
	r.p.Pending, r.p.Resuming = t, nil
	return r.save(ctx)
}

// release ends the claim. Of the turn's own, shards that it has not begun to write need no
// deletion.
func (r *run) release(t *turn) {
	if t.claimed() != nil {
		for _, i := range t.claim.Shards {
			if !t.begun[i] {
				delete(r.named, shardKey(r.f.Tenant, t.claim.Nonce, i))
			}
		}
	}
	r.p.Claim = nil
}

// after is the mirror as the turn makes it.
func (t *turn) after(m mirror) mirror {
	m.Asked, m.Columns, m.Link, m.SavedAt = t.Asked, t.Columns, t.Link, t.At
	if t.Proven {
		m.ProvenAt = t.At
	}
	for i, s := range t.Shards {
		m.Shards[i] = s
	}
	return m
}

// suspicions are the breaker's. A turn that was accepted may have as many leavers as it had
// when it was looked at, and as many as any other may.
func (r *run) suspicions(t *turn) []string {
	if t.Kind == Baseline {
		return nil
	}
	before, next := r.p.totals(), t.after(r.p.mirror)
	now := next.totals()
	leavers := t.leavers
	last, current := baseline.Record{Users: before.Users, Values: map[string]int{}}, baseline.Current{Users: now.Users, Values: map[string]int{}}
	accepted := r.p.Suspect != nil && r.accept == r.p.Suspect.Run
	if accepted {
		leavers -= r.p.Suspect.Leavers
	} else {
		for i, name := range r.p.Columns {
			if j := slices.Index(t.Columns, name); j >= 0 {
				last.Values[name], current.Values[name] = before.Values[i], now.Values[j]
			}
		}
	}
	limits := baseline.Limits{Leavers: r.f.MaxLeavers, ColumnLoss: r.f.MaxColumnLoss}
	return limits.Suspicions("the mirror", last, current, leavers)
}

// hold gives up a turn that is suspect. It keeps its name for as long as it does not become
// worse, so that it can be looked at and accepted.
func (r *run) hold(ctx context.Context, t *turn, reasons []string) error {
	s := r.p.Suspect
	if s == nil || t.leavers > s.Leavers+baseline.MaxLeavers(r.f.MaxLeavers, r.p.totals().Users) {
		s = &suspect{Run: t.At.Format("20060102T150405Z") + "-" + store.Nonce()[:8]}
	}
	s = &suspect{Run: s.Run, At: t.At, Kind: t.Kind, Leavers: max(t.leavers, s.Leavers), Reasons: reasons}
	r.release(t)
	r.p.Suspect, r.p.Resuming = s, nil
	if err := r.save(ctx); err != nil {
		return err
	}
	return &SuspectError{Run: s.Run, Reasons: reasons}
}

// commit makes the mirror what the turn has published.
func (r *run) commit(ctx context.Context, t *turn) error {
	r.release(t)
	if s := r.p.Suspect; s != nil && (s.Kind == Round || t.Proven) {
		r.p.Suspect = nil
	}
	r.p.mirror, r.p.Turn, r.p.Pending, r.p.Resuming = t.after(r.p.mirror), t.Turn, nil, nil
	if err := r.save(ctx); err != nil {
		return err
	}
	r.result.Kind = cmp.Or(t.Kind, r.result.Kind)
	r.result.Drift += t.Drift
	if t.Kind != Round {
		telemetry.Observe(ctx, telemetry.Drift, float64(t.Drift))
	}
	r.f.Log.InfoContext(ctx, "a turn of the changes is published", "kind", t.Kind, "counts", t.Counts, "drift", t.Drift)
	return nil
}
