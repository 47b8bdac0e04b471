package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/page"
	"github.com/rollcall-dev/rollcall/pkg/published"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	"github.com/rollcall-dev/rollcall/pkg/subscription"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// pageFlags choose what the page shows besides people.
type pageFlags struct {
	Sink  []string `sep:"none" placeholder:"URL" help:"Folder or store whose snapshots the page shows; repeatable, instead of ROLLCALL_SINKS."`
	Watch bool     `help:"Watch the changes of the tenant meanwhile, and show them on the page."`
}

func (f pageFlags) overrides() (overrides, error) {
	for _, sink := range f.Sink {
		if hasScheme(sink) && !isStore(strings.SplitN(sink, ":", 2)[0]) {
			return nil, &usageError{"--sink takes a folder or a store, such as ./snapshot or s3://bucket/prefix: a bus keeps no snapshots"}
		}
	}
	sinks, err := sinkURLs(f.Sink)
	return overrides{{"--sink", "ROLLCALL_SINKS", sinks}}, err
}

// page returns what browsers are shown.
func (f pageFlags) page(t *tenant, users *api.API, settings publisher.Settings, demo bool, log *slog.Logger) (*page.Page, *page.Feed, error) {
	cfg := page.Config{API: users, Workbooks: true, Demo: demo}
	settings.Sinks.Buses, settings.NotificationURL = nil, subscription.Address{} // which only publishing needs
	if len(settings.Sinks.Stores) > 0 {
		from, err := t.publisher(settings, log)
		if err != nil {
			return nil, nil, err
		}
		cfg.Snapshots = func(ctx context.Context, most int) ([]page.Store, error) { return snapshots(ctx, t, from, most) }
	}
	if f.Watch {
		cfg.Changes = page.NewFeed()
	}
	shown, err := page.New(cfg)
	return shown, cfg.Changes, err
}

// snapshots reads the tenant's runs in every store.
func snapshots(ctx context.Context, t *tenant, from *publisher.Publisher, most int) ([]page.Store, error) {
	tenant, err := t.Credential.Tenant(ctx)
	if err != nil {
		return nil, err
	}
	opened, err := from.Stores(ctx)
	if err != nil {
		return nil, err
	}
	var all []page.Store
	for _, o := range opened {
		s := page.Store{Place: location{o.Place}.of("")}
		if at, ok := o.Store.(published.Lister); ok {
			s.Runs, s.More, s.Err = published.Runs(ctx, at, tenant, most)
			s.Latest, s.LatestErr = published.Latest(ctx, at, tenant)
		}
		all = append(all, s)
	}
	return all, nil
}

// follow watches the changes of the tenant until ctx ends. What is known of it is kept in a
// temporary folder: who serves publishes nothing, and must not take changes from who does.
// A failure is shown on the page and on stderr, and people are served all the same.
func (f pageFlags) follow(ctx context.Context, p *program, t *tenant, settings publisher.Settings, into *page.Feed, console *console, log *slog.Logger) {
	err := f.rounds(ctx, p, t, settings, into, console, log)
	into.End(err)
	if err != nil && ctx.Err() == nil {
		_, _ = io.WriteString(console, p.explain(err))
	}
}

func (f pageFlags) rounds(ctx context.Context, p *program, t *tenant, settings publisher.Settings, into *page.Feed, console *console, log *slog.Logger) (err error) {
	defer crash.Recover(&err)
	forget, err := temporaryState(&settings)
	if err != nil {
		return err
	}
	defer forget()
	settings.Sinks.Stores, settings.Sinks.Buses, settings.NotificationURL = nil, nil, subscription.Address{}
	everybody := tolerance.Tolerance{Share: 1} // nothing is published that somebody would have to accept first
	settings.MaxLeavers, settings.MaxColumnLoss = everybody, everybody
	to, err := t.publisher(settings, log)
	if err != nil {
		return err
	}
	watch := &feed{program: p, console: console, watch: true, text: true}
	watch.run = func(ctx context.Context, in changes.Input, seen func(list.Report)) (*changes.Result, error) {
		result, err := to.Changes(ctx, in, func() changes.Bus { return into }, seen)
		switch err = explained(ctx, t, err); {
		case ctx.Err() != nil:
		case err != nil:
			into.Round(0, err)
		case result.Status == changes.Complete:
			into.Round(result.Users, nil)
		}
		return result, err
	}
	return watch.follow(ctx, changes.Input{}, interval(0, t.config.GraphURL))
}

// beside answers requests that last as long as a browser listens by one handler, and all
// others by another.
func beside(lasting, others http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == page.EventsPath {
			lasting.ServeHTTP(w, r)
			return
		}
		others.ServeHTTP(w, r)
	})
}
