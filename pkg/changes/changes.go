// Package changes publishes who joined a tenant, changed, left and came back: the change
// feed. It keeps a mirror of the last known users, so that an event can say what was.
//
// A function or a command calls [New] with a [Config] and [Feed.Run] with an [Input]; a
// [Result] of status continue asks to be invoked once more. One run at a time is to work
// on a tenant (a FIFO group, or a reserved concurrency of 1): of two, one publishes and the
// other fails with State.Conflict.
//
// # State
//
// All of it is below tenant=<guid>/changes/ in the state store: pointer.json, which moves
// by compare-and-swap, and the 256 shards of the mirror that it names, <nonce>/<xx>, gzip,
// cut by the first byte of the id. Shards are never replaced. A turn, which is what one
// publication is called, goes so:
//
//  1. the pointer claims the names of the shards that are about to be written;
//  2. they are written;
//  3. the pointer says what is pending: the shards, and the link that goes with them;
//  4. the difference between the old shards and the new ones is published to every bus;
//  5. the pointer takes them over, and the old ones are deleted.
//
// A comparison with everybody whose time does not suffice is parked: what was read so far is
// stored, claimed before like the shards, as <nonce>/spill-<n>, and the pointer says where
// the comparison stands. The next run goes on with it before it does anything else.
//
// Killed before 3, nothing was published, and the next run deletes what was claimed. Killed
// after 3, the next run publishes the very same events, whatever has happened in the tenant
// meanwhile: what a bus has seen is never taken back in silence. Killed after 5, the next
// turn deletes what the pointer says is obsolete.
package changes

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// Directory is what the feed asks of Graph; *graph.Client is one.
type Directory interface {
	list.Directory
	DeltaRound(ctx context.Context, link string, o graph.DeltaOptions, stats *graph.Stats, change func(graph.Change) error) (next string, paused bool, err error)
	DeletedPager(q graph.Query) *graph.Pager
	UsersByID(ctx context.Context, ids []string, q graph.Query, stats *graph.Stats, found func(graph.User) error) error
	DeletedByID(ctx context.Context, ids []string, q graph.Query, stats *graph.Stats, found func(graph.User) error) error
}

// Store is what is needed of the state store.
type Store interface {
	store.Swapper
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	Delete(ctx context.Context, key string) error
	URL(key string) string
}

// Bus takes events; *bus.Publisher is one.
type Bus interface {
	Publish(ctx context.Context, e bus.Event) error
	Flush(ctx context.Context) error
	Close()
}

// Config says whose changes are published, and where. All of it is required but Buses,
// TempDir, Log and Watch.
type Config struct {
	Directory Directory
	// Request says which columns there are and how they are listed. It has no filter:
	// delta queries have none.
	Request list.Request
	// Tenant is the tenant's GUID.
	Tenant string
	State  Store
	// Buses open each bus, ready for one run: one that has failed stays failed.
	Buses []func() Bus
	// MaxLeavers is how many users may leave in one turn, MaxColumnLoss how many of the
	// values of a column may go.
	MaxLeavers, MaxColumnLoss tolerance.Tolerance
	// Reconcile is how often the mirror is compared with everybody; 0 means never.
	Reconcile time.Duration
	// TempDir takes what does not fit into memory, "" for the system's.
	TempDir string
	Log     *slog.Logger
	// Subscribe, if set, keeps the subscription alive by which Graph notifies of changes,
	// and with renew authorizes it anew. It is called before what has changed is read, once
	// an hour and where the input asks for it. An error may come with a subscription.
	Subscribe func(ctx context.Context, renew bool) (Subscription, error)
	// Watch, if set, is called for every thousand users or so that are listed.
	Watch func(list.Report)
}

// Feed publishes the changes of a tenant.
type Feed struct{ Config }

// New returns the feed of c. It makes no request.
func New(c Config) *Feed {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Feed{c}
}

// Run publishes what has changed since the last run, or as much of it as the deadline of
// ctx allows: then the result is Continue, and the next run goes on. A run that comes no
// farther than the last one fails. The first run makes the mirror and publishes
// nothing, unless the input says so. The error is an [InputError], a [SuspectError], a
// [NoDeltaError], a *store.StateError, what the list, Graph, a store or a bus returned, or
// the cause of ctx.
func (f *Feed) Run(ctx context.Context, in Input) (_ *Result, err error) {
	defer crash.Recover(&err)
	if err := in.check(); err != nil {
		return nil, err
	}
	if f.Request.Filter != "" || f.Request.Search != "" {
		return nil, &InputError{Field: "ROLLCALL_FILTER", Reason: "does not go with changes, since delta queries cannot filter; remove it", name: "Config.Invalid"}
	}
	r, err := load(ctx, f)
	if err != nil {
		return nil, err
	}
	if err := r.subscribe(ctx, in.Renew); err != nil {
		return nil, err
	}
	return r.proceed(ctx, in)
}
