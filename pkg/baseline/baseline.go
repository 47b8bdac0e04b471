// Package baseline keeps what was known of a tenant's users when their list was
// last published, and holds back a list that differs from it too much: the breaker.
package baseline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// version is the form of a stored [Record]. A form that this version does not know
// is an error, never a guess.
const version = 1

// Store is what a baseline needs of the state store.
type Store interface {
	store.Swapper
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	URL(key string) string
}

// Baseline is the baseline of one tenant and one filter: lists of different filters
// are not compared.
type Baseline struct {
	store Store
	key   string
}

// New returns the baseline of a tenant, given by its GUID, and of an OData $filter.
func New(at Store, tenant, filter string) *Baseline {
	sum := sha256.Sum256([]byte(filter))
	return &Baseline{store: at, key: "tenant=" + tenant + "/known/" + hex.EncodeToString(sum[:8]) + ".json"}
}

// Record is what is kept of a list that was published.
type Record struct {
	Version   int       `json:"version"`
	Run       string    `json:"run"`
	StartedAt time.Time `json:"startedAt"`
	Users     int       `json:"users"`
	// IDs are the objects with the ids of the users.
	IDs []IDs `json:"ids"`
	// Populated are the columns in which somebody had a value, Values about how many
	// users had one.
	Populated []string       `json:"populated"`
	Values    map[string]int `json:"values,omitempty"`
	// Undivided says that Graph refused to divide this list, nil if it did not.
	Undivided *Undivided `json:"undivided,omitempty"`
}

// Undivided is a list of which Graph refused partitions.
type Undivided struct {
	// Since is when it did.
	Since time.Time `json:"since"`
	// Select are the columns that were asked for.
	Select []string `json:"select"`
}

// divideAgain is when Graph is asked once more: tenants change, and so does Graph.
const divideAgain = 30 * 24 * time.Hour

// Of reports whether Graph is taken to refuse partitions of a list of these columns
// that is read at the given time.
func (u *Undivided) Of(columns []string, at time.Time) bool {
	return u != nil && !at.Before(u.Since) && at.Sub(u.Since) < divideAgain && slices.Equal(u.Select, columns)
}

// Load returns the baseline's record, nil if there is none yet.
func (b *Baseline) Load(ctx context.Context) (*Record, error) {
	body, _, err := b.store.Read(ctx, b.key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return b.parse(body)
}

func (b *Baseline) parse(body []byte) (*Record, error) {
	var r Record
	if err := json.Unmarshal(body, &r); err != nil || !r.valid() {
		return nil, &store.StateError{URL: b.store.URL(b.key), Problem: "it was not written by this version of rollcall; delete it and the next run is compared with nothing", Err: err}
	}
	return &r, nil
}

// valid reports whether the record is in a form that this version writes: one that
// names too few ids would let leavers pass.
func (r *Record) valid() bool {
	users := 0
	for _, o := range r.IDs {
		if o.Users <= 0 || store.CheckKey(o.Key) != nil {
			return false
		}
		users += o.Users
	}
	return r.Version == version && r.Run != "" && r.Users == users
}

// Replace makes r the baseline of the next list, unless that of a newer run is there
// already. It returns the objects with ids that it no longer needs.
func (b *Baseline) Replace(ctx context.Context, r Record) (obsolete []IDs, err error) {
	r.Version = version
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	err = store.Update(ctx, b.store, b.key, func(old []byte) ([]byte, error) {
		obsolete = nil
		if old == nil {
			return body, b.retain(ctx, r.IDs)
		}
		last, err := b.parse(old)
		if err != nil {
			return nil, err
		}
		if !Newer(r.StartedAt, r.Run, last.StartedAt, last.Run) || bytes.Equal(old, body) {
			return nil, nil
		}
		if err := b.retain(ctx, r.IDs); err != nil {
			return nil, err
		}
		obsolete = last.IDs
		return body, nil
	})
	if err != nil {
		return nil, err
	}
	return obsolete, nil
}

// retain keeps the ids that a record is going to name from expiring.
func (b *Baseline) retain(ctx context.Context, ids []IDs) error {
	for _, o := range ids {
		if err := store.Retain(ctx, b.store, o.Key, true); err != nil {
			return err
		}
	}
	return nil
}

// Newer reports whether the run a is newer than b. The names decide between runs
// that started at the same instant.
func Newer(startedA time.Time, a string, startedB time.Time, b string) bool {
	if startedA.Equal(startedB) {
		return a > b
	}
	return startedA.After(startedB)
}
