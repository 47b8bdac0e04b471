package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/publisher"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/telemetry/appinsights"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
	"github.com/rollcall-dev/rollcall/pkg/trigger/azure"
	webhook "github.com/rollcall-dev/rollcall/pkg/webhook/azure"
)

// delay is how old a message is before the changes are read: what Graph notifies of may not
// show in them at once, and of several messages the first one read does for all.
const delay = 45 * time.Second

// functions returns the functions of the app. One that lacks what it needs, or all of them
// if the configuration is broken, answers with the reason: a handler that does not start
// cannot report why.
func functions(cfg *config.Config, s publisher.Settings, log *slog.Logger, insights *appinsights.Sender, broken error, options ...reader.Option) map[string]azure.Function {
	meter := func(job, function string) *trigger.Meter {
		return &trigger.Meter{Job: job, Emit: func(ctx context.Context, f *telemetry.Figures) { insights.Emit(ctx, function, f) }}
	}
	users := &azure.HTTP{
		Handler: handler(log, broken, func() (http.Handler, error) { return usersOf(cfg, log, options) }), Output: "res",
		AllowAnonymous: cfg.AllowAnonymous, Roles: cfg.Roles, Log: log, Meter: meter(telemetry.JobUsers, "users"),
	}
	hooks := &azure.HTTP{
		Handler: handler(log, broken, func() (http.Handler, error) {
			return webhook.New(s.WebhookSecret.Via(reader.Secrets(cfg, options...)), azure.Put, log)
		}), Output: "res",
		// Nobody signs in: what comes is trusted by the secret.
		AllowAnonymous: true, Mount: "webhook", Log: log,
	}
	j := &jobs{err: broken}
	if broken == nil {
		j.Publisher, j.err = publisher.New(cfg, s, log, options...)
	}
	return map[string]azure.Function{
		"users": users, "users_v1": users, "openapi": users, "webhook": hooks,
		"snapshot": &azure.Timer[snapshot.Input]{Due: j.snapshotsDue, Output: "jobs", Log: log},
		"snapshot_run": &azure.Queue[snapshot.Input, snapshot.Result]{
			Do: j.snapshot, Name: nameRun, Next: nextSlice, Output: "next", Log: log, Meter: meter(telemetry.JobSnapshot, "snapshot_run"),
		},
		"changes": &azure.Timer[changes.Input]{Due: j.changesDue, Output: "jobs", Log: log},
		"changes_run": &azure.Queue[changes.Input, changes.Result]{
			Do: j.changes, Next: nextTurn, Output: "next", Delay: delay, Log: log, Meter: meter(telemetry.JobChanges, "changes_run"),
		},
	}
}

// handler returns an HTTP handler, or one that answers with the reason why there is none.
func handler(log *slog.Logger, broken error, open func() (http.Handler, error)) http.Handler {
	h, err := http.Handler(nil), broken
	if err == nil {
		h, err = open()
	}
	if err != nil {
		log.Error("the function cannot start; every request is answered with this error", "error", err)
		return failure.Handler(err)
	}
	return h
}

func usersOf(cfg *config.Config, log *slog.Logger, options []reader.Option) (http.Handler, error) {
	r, err := reader.New(cfg, log, options...)
	if err != nil {
		return nil, err
	}
	return api.New(api.Config{Directory: r.Graph, Request: r.Request, Key: r.SealKey, Log: log})
}

// jobs are what the queues' messages ask for.
type jobs struct {
	*publisher.Publisher
	err error // why there is no publisher
}

// snapshotsDue are the runs of all tenants, named by the minute, so that timers of two hosts
// that go off at once start one run.
func (j *jobs) snapshotsDue(ctx context.Context, at time.Time) ([]snapshot.Input, error) {
	tenants, err := j.tenants(ctx)
	inputs := make([]snapshot.Input, len(tenants))
	for i, tenant := range tenants {
		inputs[i] = snapshot.Input{Run: at.Format("20060102T150405Z") + "-timer", Tenant: tenant}
	}
	return inputs, err
}

func (j *jobs) changesDue(ctx context.Context, _ time.Time) ([]changes.Input, error) {
	tenants, err := j.tenants(ctx)
	inputs := make([]changes.Input, len(tenants))
	for i, tenant := range tenants {
		inputs[i] = changes.Input{Tenant: tenant}
	}
	return inputs, err
}

func (j *jobs) tenants(ctx context.Context) ([]string, error) {
	if j.err != nil {
		return nil, j.err
	}
	return j.Tenants(ctx)
}

func (j *jobs) snapshot(ctx context.Context, in snapshot.Input) (*snapshot.Result, error) {
	if j.err != nil {
		return nil, j.err
	}
	in.Request = telemetry.RequestID(ctx)
	return j.Snapshot(ctx, in, nil)
}

// nameRun names a run by the message that asks for one.
func nameRun(in snapshot.Input, message string) snapshot.Input {
	if in.Run == "" && in.Resume == "" && in.Accept == "" {
		in.Run = "message-" + message
	}
	return in
}

func (j *jobs) changes(ctx context.Context, in changes.Input) (*changes.Result, error) {
	if j.err != nil {
		return nil, j.err
	}
	return j.Changes(ctx, in, nil, nil)
}

// nextSlice goes on where a slice has ended.
func nextSlice(in snapshot.Input, r *snapshot.Result) (snapshot.Input, bool) {
	return snapshot.Input{Resume: r.Resume, Tenant: in.Tenant}, r.Status == snapshot.Continue
}

// nextTurn asks for the same again: where to go on is in the state.
func nextTurn(in changes.Input, r *changes.Result) (changes.Input, bool) {
	return in, r.Status == changes.Continue
}
