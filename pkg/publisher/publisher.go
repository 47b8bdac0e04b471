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
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// Publisher publishes the lists of one tenant, or of those in the tenants file. It
// may be used by several goroutines.
type Publisher struct {
	// Demo marks manifests: the tenant is a simulated one.
	Demo bool

	world   *world
	sinks   []*sink
	state   *sink
	below   string // the state store's place behind its URL
	options []reader.Option

	mu      sync.Mutex
	readers map[secret.Source]*reader.Reader // by the source of their credentials
}

// world is what making stores and buses takes.
type world struct {
	cfg *config.Config
	log *slog.Logger

	mu  sync.Mutex
	sdk *aws.Config
}

// aws loads the AWS SDK's standard configuration, once it is needed.
func (w *world) aws(ctx context.Context) (aws.Config, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sdk == nil {
		cfg, err := awsconfig.LoadDefaultConfig(ctx)
		if err != nil {
			// Its text is dropped: it may quote a profile's lines.
			return aws.Config{}, errors.New("the AWS configuration could not be loaded; check AWS_PROFILE and the files in ~/.aws")
		}
		w.sdk = &cfg
	}
	return *w.sdk, nil
}

// New checks the sinks and the state store. It makes no request and reads no
// secret.
func New(cfg *config.Config, log *slog.Logger, options ...reader.Option) (*Publisher, error) {
	p := &Publisher{
		world:   &world{cfg: cfg, log: log},
		options: options, readers: map[secret.Source]*reader.Reader{},
	}
	var err error
	if p.sinks, err = parseSinks(cfg.Sinks); err != nil {
		return nil, invalid("ROLLCALL_SINKS", err)
	}
	for _, s := range p.sinks {
		if isStore(s.kind) && p.state == nil {
			p.state, p.below = s, "state"
		}
	}
	if cfg.State != "" {
		s, err := parseState(cfg.State)
		if err != nil {
			return nil, invalid("ROLLCALL_STATE", err)
		}
		p.state, p.below = s, ""
	}
	switch {
	case len(p.sinks) == 0:
		return nil, invalid("ROLLCALL_SINKS", errors.New("names no destination; write for instance s3://bucket/prefix, file:///folder or sqs:<queue URL>"))
	case p.state == nil:
		return nil, invalid("ROLLCALL_STATE", errors.New("is needed where no destination keeps objects; write for instance s3://bucket/prefix"))
	case slices.ContainsFunc(p.sinks, func(s *sink) bool { return s.kind == "https" }):
		if err := checkWebhookSecret(cfg.WebhookSecret); err != nil {
			return nil, invalid("ROLLCALL_WEBHOOK_SECRET", err)
		}
	}
	return p, nil
}

func invalid(variable string, err error) error {
	return &config.Error{Problems: []config.Problem{{Variable: variable, Text: err.Error()}}}
}

// configured says of which variable an error is. One that nobody named is a mistake
// in the configuration.
func configured(variable string, err error) error {
	var named interface{ Name() string }
	if errors.As(err, &named) {
		return fmt.Errorf("%s: %w", variable, err)
	}
	return invalid(variable, err)
}

// Checks lets config.Read report sinks that do not hold together with its other
// problems.
func Checks() []config.Check {
	return []config.Check{
		{Variable: "ROLLCALL_SINKS", Parse: func(value string) error {
			_, err := parseSinks(strings.Fields(value))
			return err
		}},
		{Variable: "ROLLCALL_STATE", Parse: optional(func(value string) error { _, err := parseState(value); return err })},
		{Variable: "ROLLCALL_TENANTS", Parse: optional(func(value string) error { _, err := parseTenants(value); return err })},
	}
}

func optional(parse func(string) error) func(string) error {
	return func(value string) error {
		if value == "" {
			return nil
		}
		return parse(value)
	}
}

// parseState reads the URL of the state store, which takes no format.
func parseState(text string) (*sink, error) {
	s, err := parseSink(text)
	if err != nil {
		return nil, err
	}
	if !isStore(s.kind) {
		return nil, errors.New("is not a store; write s3://bucket/prefix, azblob://account/container/prefix or file:///folder")
	}
	return s, s.options.only([]string{"kms-key", "region", "endpoint"})
}

// Snapshot publishes a tenant's list, or a slice of it: see [snapshot.Snapshot.Run].
// watch, if set, is told of the reading; see [snapshot.Snapshot.Watch].
func (p *Publisher) Snapshot(ctx context.Context, in snapshot.Input, watch func(list.Report)) (*snapshot.Result, error) {
	from, tenant, err := p.reader(ctx, in.Tenant)
	if err != nil {
		return nil, err
	}
	publication, err := p.publication(ctx, from, tenant)
	if err != nil {
		return nil, err
	}
	publication.Watch = watch
	return snapshot.New(*publication).Run(ctx, in)
}

// publication makes the stores and buses anew for each run.
func (p *Publisher) publication(ctx context.Context, from *reader.Reader, tenant string) (*snapshot.Publication, error) {
	state, err := p.world.store(ctx, p.state, p.below)
	if err != nil {
		return nil, configured("ROLLCALL_STATE", err)
	}
	publication := &snapshot.Publication{
		Directory: from.Graph, Request: from.Request, Tenant: tenant, State: state,
		MaxLeavers: p.world.cfg.MaxLeavers, Demo: p.Demo, Log: p.world.log,
	}
	claims := state // what is too large for a bus is kept where its readers look
	for _, s := range p.sinks {
		if !isStore(s.kind) {
			continue
		}
		d, err := p.world.destination(ctx, s)
		if err != nil {
			return nil, configured("ROLLCALL_SINKS", err)
		}
		publication.Destinations = append(publication.Destinations, d)
		claims = publication.Destinations[0].Store
	}
	for _, s := range p.sinks {
		if isStore(s.kind) {
			continue
		}
		a, err := p.world.announcement(ctx, s, claims)
		if err != nil {
			return nil, configured("ROLLCALL_SINKS", fmt.Errorf("%s: %w", s.kind, err))
		}
		publication.Announcements = append(publication.Announcements, a)
	}
	return publication, nil
}

// reader returns the reader of a tenant of the tenants file, or of the configured
// credentials where none is named, and the tenant's GUID.
func (p *Publisher) reader(ctx context.Context, tenant string) (*reader.Reader, string, error) {
	r, err := p.readerOf(ctx, tenant)
	if err != nil {
		return nil, "", err
	}
	guid, err := r.Credential.Tenant(ctx)
	if err != nil {
		return nil, "", err
	}
	if tenant != "" && !strings.EqualFold(guid, tenant) {
		return nil, "", invalid("ROLLCALL_TENANTS", fmt.Errorf("the tenants file has tenant %s with credentials of tenant %s; correct the row", strings.ToLower(tenant), guid))
	}
	return r, guid, nil
}

// readerOf reads the tenants file each time: a row that was corrected counts from
// the next run on, also in a function that stays warm.
func (p *Publisher) readerOf(ctx context.Context, tenant string) (*reader.Reader, error) {
	cfg := *p.world.cfg
	if tenant != "" {
		var err error
		if cfg.Credentials, err = p.world.credentials(ctx, tenant); err != nil {
			return nil, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r := p.readers[cfg.Credentials]; r != nil {
		return r, nil
	}
	r, err := reader.New(&cfg, p.world.log, p.options...)
	switch {
	case err != nil && tenant != "":
		return nil, configured("ROLLCALL_TENANTS", fmt.Errorf("tenant %s: %w", strings.ToLower(tenant), err))
	case err != nil:
		return nil, err
	}
	p.readers[cfg.Credentials] = r
	return r, nil
}
