package publisher

import (
	"context"

	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// Opened is a store among the sinks.
type Opened struct {
	// Place is its URL, without any credential.
	Place string
	// Store is the store itself.
	Store snapshot.Store
}

// Stores opens the stores among the sinks, for whoever reads what was published there. It
// makes no request.
func (p *Publisher) Stores(ctx context.Context) ([]Opened, error) {
	var all []Opened
	for _, s := range p.settings.Sinks.Stores {
		at, err := s.Open(ctx, &p.access, "")
		if err != nil {
			return nil, configured("ROLLCALL_SINKS", err)
		}
		all = append(all, Opened{s.String(), at})
	}
	return all, nil
}
