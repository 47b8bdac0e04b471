package list_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// result is what reading a simulated tenant gave.
type result struct {
	tenant *simulator.Tenant
	report list.Report
	ids    map[string]int // how often each user was delivered
	users  []string       // as Graph sent them
	err    error
	took   time.Duration
}

// read lists the tenant that cfg describes, and checks what holds for every list. Call it
// within a synctest bubble.
func read(t *testing.T, ctx context.Context, cfg simulator.Config, request list.Request) *result {
	t.Helper()
	return readTenant(t, ctx, simulator.New(cfg), request)
}

func readTenant(t *testing.T, ctx context.Context, tenant *simulator.Tenant, request list.Request) *result {
	t.Helper()
	var logged bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&logged, nil))
	l := list.New(listtest.Client(t, tenant, graph.Config{Log: log}), request, log)
	r := &result{tenant: tenant, ids: map[string]int{}}
	started := time.Now()
	for user, err := range l.Users(ctx) {
		if err != nil {
			r.err = err
			break
		}
		r.ids[string(user.ID)]++
		r.users = append(r.users, string(user.Raw))
	}
	r.report, r.took = l.Report(), time.Since(started)
	r.checkInvariants(t, logged.String())
	return r
}

// readChanging lists a tenant that changes whenever a page is asked for.
func readChanging(t *testing.T, cfg simulator.Config, change func(tenant *simulator.Tenant, page int)) *result {
	t.Helper()
	var tenant *simulator.Tenant
	cfg.OnPage = func(page int) { change(tenant, page) }
	tenant = simulator.New(cfg)
	return readTenant(t, t.Context(), tenant, listtest.Request())
}

// checkInvariants checks what holds for every list, whether it is complete or not.
func (r *result) checkInvariants(t *testing.T, logged string) {
	t.Helper()
	for id, times := range r.ids {
		if times != 1 {
			t.Errorf("user %s was delivered %d times", id, times)
		}
	}
	if r.report.Users != len(r.ids) {
		t.Errorf("the report says %d users, but %d were delivered", r.report.Users, len(r.ids))
	}
	if requests, withToken := r.tenant.Foreign(); requests > 0 || withToken > 0 {
		t.Errorf("%d requests went to a foreign host, %d of them with the token", requests, withToken)
	}
	if r.err != nil {
		logged += r.err.Error()
	}
	for _, canary := range []string{"@", "RFNwdA", "eyJ", r.tenant.Config().ClientSecret} {
		if strings.Contains(logged, canary) {
			t.Errorf("the log or the error contains %q:\n%s", canary, logged)
		}
	}
	for _, q := range r.tenant.Requests() {
		if q.Kind == "list" && q.ThrottlePriority != "Low" {
			t.Errorf("a request has the x-ms-throttle-priority %q, want Low", q.ThrottlePriority)
		}
	}
}

// wantComplete checks that the first so many users of the tenant were delivered, and
// nobody else.
func (r *result) wantComplete(t *testing.T, users int) {
	t.Helper()
	if r.err != nil {
		t.Fatalf("the list failed: %v", r.err)
	}
	if len(r.ids) != users {
		t.Errorf("%d users, want %d", len(r.ids), users)
	}
	for i := range users {
		if r.ids[r.tenant.ID(i)] == 0 {
			t.Fatalf("user %d is missing", i)
		}
	}
}

// wantError checks that the list ended in an error of that public name.
func (r *result) wantError(t *testing.T, name string) {
	t.Helper()
	if r.err == nil {
		t.Fatalf("the list ended without an error after %d users, want %s", len(r.ids), name)
	}
	if got := failure.Of(r.err).Name; got != name {
		t.Errorf("the error is a %s, want %s: %v", got, name, r.err)
	}
}
