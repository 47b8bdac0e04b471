package publisher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/format/parquet"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/sink"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// publication opens the stores and buses anew for each run.
func (p *Publisher) publication(ctx context.Context, from *reader.Reader, tenant string) (*snapshot.Publication, error) {
	state, err := p.state.Open(ctx, &p.access, p.below)
	if err != nil {
		return nil, configured("ROLLCALL_STATE", err)
	}
	publication := &snapshot.Publication{
		Directory: from.Graph, Request: from.Request, Tenant: tenant, State: state,
		MaxLeavers: p.settings.MaxLeavers, MaxColumnLoss: p.settings.MaxColumnLoss, Demo: p.Demo, Log: p.log,
	}
	for _, s := range p.settings.Sinks.Stores {
		at, err := s.Open(ctx, &p.access, "")
		if err != nil {
			return nil, configured("ROLLCALL_SINKS", err)
		}
		publication.Destinations = append(publication.Destinations, destination(at, s))
	}
	claims := state // what is too large for a bus is stored where its readers look
	if len(publication.Destinations) > 0 {
		claims = publication.Destinations[0].Store
	}
	buses, err := p.buses(ctx, claims)
	if err != nil {
		return nil, err
	}
	for i, open := range buses {
		publication.Announcements = append(publication.Announcements, snapshot.Announcement{
			Open: func() snapshot.Bus { return open() }, EachUser: p.settings.Sinks.Buses[i].Feed.EachUser,
		})
	}
	identity, err := from.Identity(ctx)
	if err != nil {
		return nil, err
	}
	if warning := identity.ExpiryWarning(time.Now()); warning != "" {
		publication.Warnings = []string{warning}
	}
	return publication, nil
}

// buses returns what opens each bus among the sinks. Events too large for one are stored in
// claims.
func (p *Publisher) buses(ctx context.Context, claims snapshot.Store) (all []func() *bus.Publisher, err error) {
	for _, b := range p.settings.Sinks.Buses {
		driver, err := b.Open(ctx, &p.access)
		if err != nil {
			return nil, configured("ROLLCALL_SINKS", fmt.Errorf("%s: %w", b.Kind, err))
		}
		options := bus.Options{Log: p.log, Claim: claim(claims)}
		all = append(all, func() *bus.Publisher { return bus.New(driver, options) })
	}
	return all, nil
}

// destination says how users become objects of a store.
func destination(at snapshot.Store, s sink.Store) snapshot.Destination {
	d := snapshot.Destination{
		Store: at, Format: s.Layout.Format, Compression: s.Layout.Compression, PartSize: int64(s.Layout.PartSize), Tables: s.Tables,
	}
	if d.Format == "parquet" {
		if d.Compression == "" {
			d.Compression = format.Zstd
		}
		d.Suffix = ".parquet"
		d.Encode = func(w io.Writer, columns []string) (snapshot.Encoder, error) {
			return parquet.New(w, columns, parquet.Options{Compression: parquet.Compression(d.Compression)})
		}
		return d
	}
	if d.Compression == "" {
		d.Compression = format.Gzip
	}
	suffix, _ := format.Suffix(d.Compression)
	d.Suffix = "." + d.Format + suffix
	d.Encode = func(w io.Writer, columns []string) (snapshot.Encoder, error) {
		return format.NewObject(w, d.Format, d.Compression, columns)
	}
	return d
}

// claim stores the data of an event that is too large for its bus, for as long as such
// objects are kept.
func claim(at snapshot.Store) func(ctx context.Context, id string, data []byte) (string, error) {
	return func(ctx context.Context, id string, data []byte) (string, error) {
		key := "claims/" + id + ".json"
		_, err := store.Expendable{Swapper: at}.Swap(ctx, key, data, "")
		if err != nil && !errors.Is(err, store.ErrConflict) { // the same id has the same data
			return "", err
		}
		return at.URL(key), nil
	}
}
