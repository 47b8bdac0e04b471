package publisher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/google/uuid"

	"github.com/rollcall-dev/rollcall/pkg/sink"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// deletion is how long the object of a try may take to be deleted after an interruption.
const deletion = 10 * time.Second

// Place is a store or a queue that publishing needs.
type Place struct {
	// URL is that of a store, or what names a queue, without any credential.
	URL string
	// Queue is whether it is a queue.
	Queue bool

	// Open opens a store that lists are published to, nil for any other place.
	Open func(ctx context.Context) (snapshot.Store, error)

	try func(ctx context.Context) error
}

// Try finds out whether publishing may use the place, and leaves it as it was. In a store
// it makes an object of a name that nothing else has, replaces it by compare-and-swap, reads
// it and deletes it; to a queue it sends a request without a message.
func (p Place) Try(ctx context.Context) error { return p.try(ctx) }

// Forbidden reports whether a service of Azure refused a request for want of a role.
func Forbidden(err error) bool {
	var answer *azcore.ResponseError
	return errors.As(err, &answer) && answer.StatusCode == http.StatusForbidden
}

// Places are the stores that the settings name, that of the state first, and those of the
// buses that can be tried without a message.
func (p *Publisher) Places() []Place {
	places := []Place{p.place("ROLLCALL_STATE", p.state, p.below)}
	for _, s := range p.settings.Sinks.Stores {
		place := p.place("ROLLCALL_SINKS", s, "")
		place.Open = func(ctx context.Context) (snapshot.Store, error) { return s.Open(ctx, &p.access, "") }
		places = append(places, place)
	}
	for _, b := range p.settings.Sinks.Buses {
		if b.Kind != "azqueue" {
			continue
		}
		places = append(places, Place{URL: b.String(), Queue: true, try: func(ctx context.Context) error {
			driver, err := b.Open(ctx, &p.access)
			if err != nil {
				return configured("ROLLCALL_SINKS", err)
			}
			if queue, ok := driver.(interface{ Probe(context.Context) error }); ok {
				return queue.Probe(ctx)
			}
			return nil
		}})
	}
	return places
}

func (p *Publisher) place(variable string, s sink.Store, below string) Place {
	url := s.String()
	if below != "" {
		url += "/" + below
	}
	return Place{URL: url, try: func(ctx context.Context) error {
		at, err := s.Open(ctx, &p.access, below)
		if err != nil {
			return configured(variable, err)
		}
		return tryStore(ctx, at)
	}}
}

// tryStore makes, replaces, reads and deletes an object.
func tryStore(ctx context.Context, at snapshot.Store) (err error) {
	key := "doctor-" + uuid.NewString() + ".json"
	first, second := []byte(`{"rollcall":"doctor"}`), []byte(`{"rollcall":"doctor","replaced":true}`)
	version, err := at.Swap(ctx, key, first, "")
	if err != nil {
		return err
	}
	defer func() {
		ctx, cancel := store.WithGrace(ctx, deletion)
		defer cancel()
		err = errors.Join(err, at.Delete(ctx, key))
	}()
	switch _, err := at.Swap(ctx, key, second, ""); {
	case err == nil:
		return fmt.Errorf("swap %s: an object was replaced that was not to be; use a store with conditional writes, or two runs overwrite each other's state", at.URL(key))
	case !errors.Is(err, store.ErrConflict):
		return err
	}
	if _, err := at.Swap(ctx, key, second, version); err != nil {
		return err
	}
	body, _, err := at.Read(ctx, key)
	if err == nil && !bytes.Equal(body, second) {
		err = fmt.Errorf("read %s: it is not what was written", at.URL(key))
	}
	return err
}
