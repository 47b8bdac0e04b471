// Package snapshot publishes one proven list: a run reads it in one or more slices,
// writes it to stores, proves it by a manifest, makes it the latest one and announces
// it. Whatever happens, the last published list stays until the next one is whole.
package snapshot

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// Store keeps objects; the packages below pkg/store are stores. Keys are slash
// paths. Package store says what each method promises.
type Store interface {
	Create(ctx context.Context, key string) (store.Upload, error)
	Read(ctx context.Context, key string) ([]byte, store.Version, error)
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	Swap(ctx context.Context, key string, body []byte, old store.Version) (store.Version, error)
	Delete(ctx context.Context, key string) error
	URL(key string) string
}

// Encoder writes users to one object in one format.
type Encoder interface {
	// User adds a user; raw is its JSON object and is not kept.
	User(raw []byte) error
	// Size is about how many bytes the object has by now.
	Size() int64
	// Close ends the object. The writer below is not closed.
	Close() error
}

// Destination is a store to which the list is published.
type Destination struct {
	Store Store
	// Format and Compression are named in the manifest; Suffix ends the names of
	// the parts, such as .ndjson.gz.
	Format, Compression, Suffix string
	// Encode begins an object with the given columns.
	Encode func(w io.Writer, columns []string) (Encoder, error)
	// PartSize is the size in bytes at which the next object begins.
	PartSize int64
	// Tables adds the symlinks by which SQL tables read the list.
	Tables bool
}

// Bus takes messages; *bus.Publisher is one.
type Bus interface {
	Publish(ctx context.Context, e bus.Event) error
	Flush(ctx context.Context) error
	Close()
}

// Announcement is a bus that is notified once the list is published.
type Announcement struct {
	// Open returns the bus, ready for one run: one that has failed stays failed.
	Open func() Bus
	// EachUser sends one event for every user as well.
	EachUser bool
}

// Publication says what is published, and where.
type Publication struct {
	Directory list.Directory
	Request   list.Request
	// Tenant is the tenant's GUID.
	Tenant string
	// Destinations are the stores, in the order in which they are promoted. Results
	// and events name the manifest of the first one.
	Destinations  []Destination
	Announcements []Announcement
	// State is where runs are kept until they are done, and the baseline.
	State Store
	// MaxLeavers is how many users of the last list may be missing from this one.
	MaxLeavers tolerance.Tolerance
	// MaxColumnLoss is how many of the values that a column had in the last list may be
	// missing from this one.
	MaxColumnLoss tolerance.Tolerance
	// Warnings are sentences for the manifest besides those of the list.
	Warnings []string
	// Demo marks the manifest: the tenant is a simulated one.
	Demo bool
	Log  *slog.Logger
	// Watch, if set, is called for every thousand users or so, by the goroutine that
	// reads them. Expected is then the count from before they were read.
	Watch func(list.Report)
}

// Snapshot publishes the whole list of a tenant.
type Snapshot struct{ Publication }

// New returns a snapshot of p. It makes no request.
func New(p Publication) *Snapshot {
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	return &Snapshot{p}
}

// Run publishes the list, or as much of it as the deadline of ctx allows: then the
// result is Continue and says how to resume. What was asked before gets the same
// answer. The error is an [InputError], a *list.IncompleteError, a [SuspectError], a
// *store.StateError, what the list, a store or a bus returned, or the cause of ctx.
func (s *Snapshot) Run(ctx context.Context, in Input) (_ *Result, err error) {
	defer crash.Recover(&err)
	name, slice, err := in.parse(time.Now())
	if err != nil {
		return nil, err
	}
	ctx = telemetry.WithRun(ctx, name)
	defer s.observeLatest(ctx)
	r, err := load(ctx, &s.Publication, name)
	if err != nil {
		return nil, err
	}
	if in.Accept != "" {
		return r.accept(ctx)
	}
	return r.proceed(ctx, slice, in.Resume == "")
}

// stores are where manifests and latest go: without a destination, to the state.
func (p *Publication) stores() []Store {
	if len(p.Destinations) == 0 {
		return []Store{p.State}
	}
	all := make([]Store, len(p.Destinations))
	for i, d := range p.Destinations {
		all[i] = d.Store
	}
	return all
}

// columns are the names of the columns asked for, in their order.
func (p *Publication) columns() []string {
	names := make([]string, len(p.Request.Columns))
	for i, c := range p.Request.Columns {
		names[i] = c.Name
	}
	return names
}
