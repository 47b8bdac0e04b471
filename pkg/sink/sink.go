// Package sink is the grammar of a sink's URL, and the table of the kinds of sinks.
// A URL is parsed once, into a [Store] or a [Bus] that can be opened. No error
// quotes a URL, which may hold a token.
package sink

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Sinks are the destinations that ROLLCALL_SINKS names, in their order.
type Sinks struct {
	Stores []Store
	Buses  []Bus
}

// UnmarshalText parses URLs that are separated by white space. Two stores in one
// place are refused: they would overwrite each other's manifest, and with it one of
// the lists.
func (s *Sinks) UnmarshalText(text []byte) error {
	*s = Sinks{}
	places := map[string]bool{}
	var problems []error
	for _, field := range strings.Fields(string(text)) {
		to, notify, err := parse(field, false)
		switch {
		case err != nil:
			problems = append(problems, err)
		case notify != nil:
			s.Buses = append(s.Buses, *notify)
		case places[to.String()]:
			problems = append(problems, errors.New(to.Kind+": two destinations are at the same place; give each a prefix or a folder of its own"))
		default:
			places[to.String()] = true
			s.Stores = append(s.Stores, *to)
		}
	}
	return errors.Join(problems...)
}

// Store is a store of objects. Its zero value is none.
type Store struct {
	// Kind is the scheme of its URL.
	Kind string
	// Layout says how a list is stored in it.
	Layout Layout
	// Tables says that SQL tables read objects in it.
	Tables bool

	place string
	open  func(ctx context.Context, by *Access, below string) (snapshot.Store, error)
}

// Layout says how a list becomes objects.
type Layout struct {
	// Format is ndjson, csv or parquet.
	Format string `layout:"format=ndjson|csv|parquet"`
	// Compression is gzip, zstd or none, "" for the format's default.
	Compression string `layout:"compression=gzip|zstd|none"`
	// PartSize is the size in bytes at which the next object begins.
	PartSize Size `layout:"part-size"`
}

// UnmarshalText parses the URL of a store that holds no list, such as that of
// ROLLCALL_STATE: it may not say how a list is stored.
func (s *Store) UnmarshalText(text []byte) error {
	to, _, err := parse(string(text), true)
	if err == nil && to == nil {
		err = errors.New("is not a store; write s3://bucket/prefix, azblob://account/container/prefix or file:///folder")
	}
	if err == nil {
		*s = *to
	}
	return err
}

// Open returns the store, or the part of it that is below a prefix.
func (s Store) Open(ctx context.Context, by *Access, below string) (snapshot.Store, error) {
	return s.open(ctx, by, below)
}

// IsZero reports whether there is no store.
func (s Store) IsZero() bool { return s.open == nil }

// String returns the URL of the place, without options.
func (s Store) String() string { return s.place }

// Format writes String, whatever the verb.
func (s Store) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, s.place) }

// Object is one object of a store, such as the tenants file of ROLLCALL_TENANTS.
type Object struct {
	Store

	// Key is the object's.
	Key string
}

// UnmarshalText parses the URL of an object. It takes no options.
func (o *Object) UnmarshalText(text []byte) error {
	folder, key := string(text), ""
	if slash := strings.LastIndexByte(folder, '/'); slash >= 0 {
		folder, key = folder[:slash+1], folder[slash+1:]
	}
	err := o.Store.UnmarshalText([]byte(folder))
	if err != nil || store.CheckKey(key) != nil || strings.ContainsAny(folder, "?#") {
		return errors.New("is not of the form s3://bucket/key, azblob://account/container/key or file:///path")
	}
	o.Key = key
	return nil
}

// Bus is a bus that is notified of a list.
type Bus struct {
	// Kind is the scheme of its URL.
	Kind string
	// Feed says what is sent to it.
	Feed Feed
	// Signed says that its messages are signed by the keys of [Access].
	Signed bool

	name string
	open func(ctx context.Context, by *Access) (bus.Driver, error)
}

// Feed says what is sent to a bus.
type Feed struct {
	// EachUser sends one event for every user as well.
	EachUser bool `layout:"users=each"`
}

// Open returns the bus's driver.
func (b Bus) Open(ctx context.Context, by *Access) (bus.Driver, error) { return b.open(ctx, by) }

// String names the bus, of a URL the host alone.
func (b Bus) String() string { return b.Kind + " " + b.name }

// Format writes String, whatever the verb.
func (b Bus) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, b.String()) }
