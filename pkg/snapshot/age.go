package snapshot

import (
	"context"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// ageTime is how long reading an age may take once the time of the run is over: less than is
// kept of an invocation to answer.
const ageTime = 200 * time.Millisecond

// observeLatest adds the age of the list that readers see to the figures of the invocation,
// however that has ended: how far from now its run began, in either direction, since a run
// of the future keeps every other from being promoted. Of several destinations the oldest
// counts. Without figures it reads nothing.
func (p *Publication) observeLatest(ctx context.Context) {
	if !telemetry.IsMeasured(ctx) {
		return
	}
	ctx, cancel := store.WithGrace(ctx, ageTime)
	defer cancel()
	for _, at := range p.stores() {
		switch last, err := readLatest(ctx, at, p.Tenant); {
		case err != nil:
			p.Log.WarnContext(ctx, "how old the latest list is cannot be told", "error", err)
		case last != nil:
			telemetry.Observe(ctx, telemetry.LatestAge, time.Since(last.StartedAt).Abs().Seconds())
		}
	}
}
