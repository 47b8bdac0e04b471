// Package publisher puts together what publishing needs: the reader of a tenant,
// the stores and buses that the sinks name, and the snapshot that joins them. It is
// the one place where they meet; functions start from it and know none of the
// wiring.
package publisher

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/sink"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
)

// Publisher publishes the lists of one tenant, or of those in the tenants file. It
// may be used by several goroutines.
type Publisher struct {
	// Demo marks manifests: the tenant is a simulated one.
	Demo bool

	cfg      *config.Config
	settings Settings
	log      *slog.Logger
	options  []reader.Option

	state  sink.Store
	below  string // where in it the state is
	access sink.Access

	mu      sync.Mutex
	readers map[secret.Source]*reader.Reader // by the source of their credentials
}

// New checks that the sinks and the state store go together. It makes no request
// and reads no secret. Changes need no sink, if there is a state store.
func New(cfg *config.Config, settings Settings, log *slog.Logger, options ...reader.Option) (*Publisher, error) {
	settings.WebhookSecret = settings.WebhookSecret.Via(reader.Secrets(cfg, options...))
	p := &Publisher{
		cfg: cfg, settings: settings, log: log, options: options,
		state: settings.State, access: sink.Access{LookupEnv: cfg.LookupEnv, Azure: azure(cfg), Keys: settings.sinkKeys},
		readers: map[secret.Source]*reader.Reader{},
	}
	sinks := settings.Sinks
	if p.state.IsZero() && len(sinks.Stores) > 0 {
		p.state, p.below = sinks.Stores[0], "state"
	}
	switch {
	case p.state.IsZero() && len(sinks.Buses) == 0:
		return nil, noDestination()
	case p.state.IsZero():
		return nil, invalid("ROLLCALL_STATE", errors.New("is needed where no destination keeps objects; write for instance s3://bucket/prefix"))
	}
	if err := settings.checkWebhookSecret(); err != nil {
		return nil, invalid("ROLLCALL_WEBHOOK_SECRET", err)
	}
	return p, nil
}

func noDestination() error {
	return invalid("ROLLCALL_SINKS", errors.New("names no destination; write for instance s3://bucket/prefix, file:///folder or sqs:<queue URL>"))
}

// azure returns azidentity's default credential, whose login host is the configured
// one: it may send the same client secret that buys tokens for Graph.
func azure(cfg *config.Config) func() (azcore.TokenCredential, error) {
	return func() (azcore.TokenCredential, error) {
		return credential.Default(credential.Config{Cloud: cfg.Cloud, LoginURL: cfg.LoginURL, LookupEnv: cfg.LookupEnv})
	}
}

func invalid(variable string, err error) error {
	return &config.Error{Problems: []config.Problem{{Variable: variable, Text: err.Error()}}}
}

// configured says of which variable an error is. One that has no name of its own is
// a mistake in the configuration.
func configured(variable string, err error) error {
	var named interface{ Name() string }
	if errors.As(err, &named) {
		return fmt.Errorf("%s: %w", variable, err)
	}
	return invalid(variable, err)
}

// Snapshot publishes a tenant's list, or a slice of it: see [snapshot.Snapshot.Run].
// watch, if set, observes the reading: see [snapshot.Publication].
func (p *Publisher) Snapshot(ctx context.Context, in snapshot.Input, watch func(list.Report)) (*snapshot.Result, error) {
	if len(p.settings.Sinks.Stores)+len(p.settings.Sinks.Buses) == 0 {
		return nil, noDestination()
	}
	from, tenant, err := p.reader(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	ctx = telemetry.WithTenant(ctx, tenant)
	publication, err := p.publication(ctx, from, tenant)
	if err != nil {
		return nil, err
	}
	publication.Watch = watch
	return snapshot.New(*publication).Run(ctx, in)
}

// reader returns the reader of a tenant of the tenants file, or of the configured
// credentials where there is no such file or no tenant is named, and the tenant's GUID.
func (p *Publisher) reader(ctx context.Context, tenant string) (*reader.Reader, string, error) {
	r, err := p.readerOf(ctx, tenant)
	if err != nil {
		return nil, "", err
	}
	guid, err := r.Credential.Tenant(ctx)
	if err != nil {
		return nil, "", err
	}
	switch {
	case tenant == "" || strings.EqualFold(guid, tenant):
		return r, guid, nil
	case p.settings.Tenants.IsZero():
		return nil, "", failure.InvalidRequest("tenant names another one than tenant " + guid + ", whose credentials are configured, and there is no tenants file; leave tenant out, or set ROLLCALL_TENANTS")
	default:
		return nil, "", invalid("ROLLCALL_TENANTS", fmt.Errorf("the tenants file has tenant %s with credentials of tenant %s; correct the row", strings.ToLower(tenant), guid))
	}
}

// readerOf reads the tenants file each time: a row that was corrected counts from
// the next run on, also in a function that stays warm.
func (p *Publisher) readerOf(ctx context.Context, tenant string) (*reader.Reader, error) {
	cfg, listed := *p.cfg, tenant != "" && !p.settings.Tenants.IsZero()
	if listed {
		var err error
		if cfg.Credentials, err = p.credentials(ctx, tenant); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.readers[cfg.Credentials]; r != nil {
		return r, nil
	}
	r, err := reader.New(&cfg, p.log, p.options...)
	switch {
	case err != nil && listed:
		return nil, configured("ROLLCALL_TENANTS", fmt.Errorf("tenant %s: %w", strings.ToLower(tenant), err))
	case err != nil:
		return nil, err
	}
	p.readers[cfg.Credentials] = r
	return r, nil
}

// How much garbage there may be, in per cent of what lives: the ids and a few large
// buffers. A list leaves little, so that collecting it early costs next to nothing and
// keeps the peak down; changes leave the users of each shard that they compare.
const (
	GarbageOfLists   = 5
	GarbageOfChanges = 50
)

// TuneMemory sets the garbage collector for publishing in a function of this many
// bytes of memory, 0 where that is not known, with so much garbage in per cent. It
// changes the process; main calls it once.
func TuneMemory(bytes int64, garbage int) {
	debug.SetGCPercent(garbage)
	if bytes > 0 {
		debug.SetMemoryLimit(bytes / 10 * 9) // the rest is not the collector's
	}
}
