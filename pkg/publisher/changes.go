package publisher

import (
	"context"
	"errors"

	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// Changes publishes what has changed in a tenant: see [changes.Feed.Run]. Sinks that keep
// objects take no events; without a bus every event goes to lines, which open returns, and
// without that either it is a mistake in the configuration. watch, if set, observes the
// reading of everybody.
func (p *Publisher) Changes(ctx context.Context, in changes.Input, lines func() changes.Bus, watch func(list.Report)) (*changes.Result, error) {
	if len(p.settings.Sinks.Buses) == 0 && lines == nil {
		return nil, invalid("ROLLCALL_SINKS", errors.New("names no bus to publish changes to; write for instance eventbridge://bus or sqs:<queue URL>"))
	}
	from, tenant, err := p.reader(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	ctx = telemetry.WithTenant(ctx, tenant)
	state, err := p.state.Open(ctx, &p.access, p.below)
	if err != nil {
		return nil, configured("ROLLCALL_STATE", err)
	}
	c := changes.Config{
		Directory: from.Graph, Request: from.Request, Tenant: tenant, State: state, MaxLeavers: p.settings.MaxLeavers,
		MaxColumnLoss: p.settings.MaxColumnLoss, Reconcile: p.settings.Reconcile, Log: p.log, Watch: watch,
	}
	if !p.settings.NotificationURL.IsZero() {
		c.Subscribe = func(ctx context.Context, renew bool) (changes.Subscription, error) {
			return p.subscribe(ctx, from, renew)
		}
	}
	buses, err := p.buses(ctx, state)
	if err != nil {
		return nil, err
	}
	for _, open := range buses {
		c.Buses = append(c.Buses, func() changes.Bus { return open() })
	}
	if len(c.Buses) == 0 {
		c.Buses = append(c.Buses, lines)
	}
	if _, err := from.Identity(ctx); err != nil { // which says when the credential ends
		return nil, err
	}
	result, err := changes.New(c).Run(ctx, in)
	if err != nil {
		return nil, err
	}
	p.log.InfoContext(ctx, "the run of the changes is at its end", "result", result)
	return result, nil
}

// subscribe keeps the tenant's subscription.
func (p *Publisher) subscribe(ctx context.Context, from *reader.Reader, renew bool) (changes.Subscription, error) {
	k, err := p.settings.Keeper(ctx, from.Graph)
	if err != nil {
		return changes.Subscription{}, err
	}
	kept, err := k.Keep(ctx, renew)
	if kept == nil {
		return changes.Subscription{}, err
	}
	return changes.Subscription{ID: kept.ID, ExpiresAt: kept.ExpiresAt, Created: kept.Created}, err
}
