package webhook_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/signature"
	"github.com/rollcall-dev/rollcall/pkg/webhook"
)

const (
	state     = "the-client-state-0123456789"
	nextState = "the-next-state-0123456789"
	tenant    = "7c0de5e1-1a57-4ace-8c0b-0123456789ab"
	other     = "11111111-2222-4333-8444-555555555555"
)

// sender is a queue or a state machine.
type sender struct {
	mu      sync.Mutex
	sent    []bus.Entry
	calls   int
	hangs   int // the call that is not answered
	failing func(call int) ([]bus.Failure, error)
}

func (s *sender) Send(ctx context.Context, entries []bus.Entry) ([]bus.Failure, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	var failed []bus.Failure
	if s.hangs == s.calls {
		<-ctx.Done()
		return nil, &bus.Refusal{Problem: "it did not answer in time", Retry: true, Err: ctx.Err()}
	}
	if s.failing != nil {
		var err error
		if failed, err = s.failing(s.calls); err != nil {
			return nil, err
		}
	}
	for i, e := range entries {
		if !slices.ContainsFunc(failed, func(f bus.Failure) bool { return f.Index == i }) {
			e.Body = bytes.Clone(e.Body)
			s.sent = append(s.sent, e)
		}
	}
	return failed, nil
}

func (s *sender) bodies() (bodies []string) {
	for _, e := range s.sent {
		bodies = append(bodies, string(e.Body))
	}
	return bodies
}

// distinct is how many messages a FIFO queue keeps.
func (s *sender) distinct() int {
	ids := map[string]bool{}
	for _, e := range s.sent {
		ids[e.ID] = true
	}
	return len(ids)
}

// rig is a webhook with what it sends to.
type rig struct {
	t                  testing.TB
	changes, snapshots sender
	log                bytes.Buffer
	reads              int
	kept               *secret.Webhook
	broken             error // of the secret
	hook               *webhook.Webhook
}

func key(t testing.TB, text string) signature.Key {
	t.Helper()
	k, err := signature.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func hookKey(t testing.TB) signature.Key {
	t.Helper()
	return key(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
}

func foreignKey(t testing.TB) signature.Key {
	t.Helper()
	return key(t, "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz")
}

func newRig(t testing.TB) *rig {
	t.Helper()
	r := &rig{t: t, kept: &secret.Webhook{
		ClientStates: []secret.Text{secret.NewText(state), secret.NewText(nextState)}, HookKeys: []signature.Key{hookKey(t)},
	}}
	log := slog.New(slog.NewTextHandler(&r.log, nil))
	r.hook = webhook.New(webhook.Config{
		Changes: &r.changes, Snapshots: &r.snapshots, Log: log,
		Secret: secret.NewCache(secret.Source{}, 0, log, func(context.Context) (*secret.Webhook, error) {
			r.reads++
			return r.kept, r.broken
		}),
	})
	return r
}

func (r *rig) ask(method, target, contentType, body string, h http.Header) *httptest.ResponseRecorder {
	r.t.Helper()
	request := httptest.NewRequestWithContext(r.t.Context(), method, target, strings.NewReader(body))
	for name, values := range h {
		request.Header[name] = values
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	w := httptest.NewRecorder()
	r.hook.ServeHTTP(w, request)
	return w
}

func (r *rig) notify(body string) int {
	r.t.Helper()
	return r.ask("POST", "/notifications", "application/json; charset=utf-8", body, nil).Code
}

// changed is a notification as Graph writes it.
func changed(state, tenant string) string {
	return fmt.Sprintf(`{"changeType":"updated","clientState":%q,"resource":"Users/u1","resourceData":{"@odata.type":"#Microsoft.Graph.User","id":"u1","sequenceNumber":"63"},`+
		`"subscriptionExpirationDateTime":"2026-12-20T00:00:00Z","subscriptionId":"5f0a","tenantId":%q}`, state, tenant)
}

func lifecycle(state, tenant string) string {
	return fmt.Sprintf(`{"lifecycleEvent":"reauthorizationRequired","clientState":%q,"subscriptionId":"5f0a","tenantId":%q}`, state, tenant)
}

func value(entries ...string) string { return `{"value":[` + strings.Join(entries, ",") + `]}` }
