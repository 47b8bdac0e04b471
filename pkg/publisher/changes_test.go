package publisher_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

func TestChangesGoToLinesWhereThereIsNoBus(t *testing.T) {
	h := open(t)
	p, err := h.publisher(t, "ROLLCALL_SINKS=file://"+t.TempDir(), "ROLLCALL_RECONCILE=24h")
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Changes(t.Context(), changes.Input{}, nil, nil)
	wantError(t, err, "Config.Invalid", "names no bus")
	var out bytes.Buffer
	lines := func() changes.Bus { return bus.NewLines(&out) }
	for range 2 {
		if _, err := p.Changes(t.Context(), changes.Input{}, lines, nil); err != nil {
			t.Fatal(err)
		}
		if err := h.tenant.Delete(3); err == nil && out.Len() > 0 {
			t.Errorf("the first run published %s", out.String())
		}
	}
	if got := out.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"type":"rollcall.user.deleted","subject":"`+h.tenant.ID(3)+`"`) {
		t.Errorf("%q", got)
	}
}

func TestChangesNeedAStateStoreAndNoSink(t *testing.T) {
	h := open(t)
	dir := t.TempDir()
	p, err := h.publisher(t, "ROLLCALL_STATE=file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	lines := func() changes.Bus { return bus.NewLines(&out) }
	result, err := p.Changes(t.Context(), changes.Input{Baseline: "emit"}, lines, nil)
	if err != nil || result.Created != 1200 || strings.Count(out.String(), "\n") != 1200 {
		t.Errorf("%+v, %v", result, err)
	}
	for _, figure := range []string{`"created":1200`, `"users":1200`, `"drift":0`, `"kind":"baseline"`, `"status":"complete"`} {
		if !strings.Contains(h.log.String(), figure) {
			t.Errorf("%s is not in the log, where metrics are made of it: %s", figure, &h.log)
		}
	}
	_, err = p.Snapshot(t.Context(), snapshot.Input{}, nil)
	wantError(t, err, "Config.Invalid", "names no destination")
}

func TestTheConfiguredTenantNeedsNoTenantsFile(t *testing.T) {
	h := open(t)
	dir := t.TempDir()
	p, err := h.publisher(t, "ROLLCALL_STATE=file://"+dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	lines := func() changes.Bus { return bus.NewLines(&out) }
	for _, tenant := range []string{"99999999-2222-4333-8444-555555555555", "nobody", h.tenant.Config().Tenant + " "} {
		_, err = p.Changes(t.Context(), changes.Input{Tenant: tenant, Baseline: "emit"}, lines, nil)
		wantError(t, err, "Request.Invalid", "set ROLLCALL_TENANTS")
		if strings.Contains(err.Error(), tenant) {
			t.Errorf("the error repeats what was sent: %v", err)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 || out.Len() > 0 || len(h.tenant.Requests()) > 0 {
		t.Errorf("another tenant left %v", left)
	}
	if _, err = p.Changes(t.Context(), changes.Input{Tenant: strings.ToUpper(h.tenant.Config().Tenant)}, lines, nil); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "tenant="+h.tenant.Config().Tenant)); err != nil {
		t.Error(err)
	}
}

// A quiet round is one request to Graph, and one more for the subscription once an hour.
func TestTheFeedKeepsASubscription(t *testing.T) {
	h := open(t)
	var webhook []string
	h.endpoint = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		webhook = append(webhook, r.Host+r.URL.Path)
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, r.URL.Query().Get("validationToken"))
	})
	p, err := h.publisher(t, "ROLLCALL_STATE=file://"+t.TempDir(), "ROLLCALL_NOTIFICATION_URL=https://hook.example/notifications",
		`ROLLCALL_WEBHOOK_SECRET={"ClientState":"the-client-state-0123456789"}`)
	if err != nil {
		t.Fatal(err)
	}
	run := func(in changes.Input) (*changes.Result, []string) {
		t.Helper()
		h.tenant.ForgetRequests()
		result, err := p.Changes(t.Context(), in, func() changes.Bus { return bus.NewLines(io.Discard) }, nil)
		if err != nil {
			t.Fatal(err)
		}
		var made []string
		for _, r := range h.tenant.Requests() {
			if r.Kind != "token" && r.Kind != "discovery" {
				made = append(made, r.Method+" "+r.Kind)
			}
		}
		return result, made
	}
	if result, _ := run(changes.Input{}); result.Subscription == nil || !result.Subscription.Created || len(h.tenant.Subscriptions()) != 1 {
		t.Fatalf("%+v, %v", result.Subscription, h.tenant.Subscriptions())
	}
	if want := []string{"hook.example/notifications", "hook.example/notifications"}; !slices.Equal(webhook, want) {
		t.Errorf("the webhook was asked %v, want %v", webhook, want)
	}
	if result, made := run(changes.Input{}); !slices.Equal(made, []string{"GET delta"}) || result.Subscription != nil {
		t.Errorf("a quiet round is %v, %+v", made, result.Subscription)
	}
	if _, made := run(changes.Input{Renew: true}); !slices.Equal(made, []string{"GET subscription", "PATCH subscription", "GET delta"}) {
		t.Errorf("with a lifecycle event it is %v", made)
	}
	// It is lost in silence, and somebody leaves before that is noticed.
	lost := h.tenant.Subscriptions()[0].ID
	if err := errors.Join(h.tenant.ExpireSubscription(lost), h.tenant.Delete(5)); err != nil {
		t.Fatal(err)
	}
	result, made := run(changes.Input{Renew: true})
	if want := []string{"GET subscription", "POST subscription"}; !slices.Equal(made[:2], want) || result.Deleted != 1 || !result.Subscription.Created || result.Subscription.ID == lost {
		t.Errorf("once it is lost: %v, %+v, %+v", made, result, result.Subscription)
	}
	if strings.Contains(h.log.String(), "the-client-state") {
		t.Errorf("the log has the client state: %s", &h.log)
	}
}

func TestTheAddressOfNotificationsNeedsAClientState(t *testing.T) {
	h := open(t)
	for value, want := range map[string]string{
		"":                      "is needed where ROLLCALL_NOTIFICATION_URL is set",
		`{"ClientState":"s3c"}`: "the member ClientState",
		`{"HookKey":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}`: "has no ClientState",
	} {
		_, err := h.publisher(t, "ROLLCALL_STATE=file://"+t.TempDir(), "ROLLCALL_NOTIFICATION_URL=https://hook.example/n", "ROLLCALL_WEBHOOK_SECRET="+value)
		wantError(t, err, "Config.Invalid", want)
	}
	_, err := h.publisher(t, "ROLLCALL_STATE=file://"+t.TempDir(), "ROLLCALL_NOTIFICATION_URL=http://hook.example/n")
	wantError(t, err, "Config.Invalid", "ROLLCALL_NOTIFICATION_URL")
}

// The webhook takes both client states while one is rotated. Given the next one, Graph goes
// on to be known after it has become the only one.
func TestGraphIsGivenTheNextClientStateWhileItIsRotated(t *testing.T) {
	h := open(t)
	h.endpoint = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, r.URL.Query().Get("validationToken"))
	})
	state, ids := t.TempDir(), map[string]bool{}
	for _, c := range []struct{ secret, want string }{
		{`{"ClientState":"the-first-0123456789"}`, "the-first-0123456789"},
		{`{"ClientState":"the-first-0123456789","ClientStateNext":"the-second-0123456789"}`, "the-second-0123456789"},
		{`{"ClientState":"the-second-0123456789"}`, "the-second-0123456789"},
	} {
		p, err := h.publisher(t, "ROLLCALL_STATE=file://"+state, "ROLLCALL_NOTIFICATION_URL=https://hook.example/notifications", "ROLLCALL_WEBHOOK_SECRET="+c.secret)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Changes(t.Context(), changes.Input{Renew: true}, func() changes.Bus { return bus.NewLines(io.Discard) }, nil); err != nil {
			t.Fatal(err)
		}
		all := h.tenant.Subscriptions()
		if len(all) != 1 || all[0].ClientState != c.want {
			t.Fatalf("%s: %+v", c.secret, all)
		}
		ids[all[0].ID] = true
	}
	if len(ids) != 2 {
		t.Errorf("%d subscriptions, want 2: none is made when the next client state becomes the only one", len(ids))
	}
}
