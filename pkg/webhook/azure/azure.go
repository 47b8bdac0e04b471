// Package azure is where a webhook on Azure sends to: the queues of the change feed and of
// snapshots, by output bindings of its function, so that it needs no permission for them.
//
// A storage queue drops nothing that comes twice. A notification that does is one more look
// at what has changed; a hook that does names the same run, and a run that is done is not
// done again.
package azure

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/webhook"
)

// The output bindings of the function.
const (
	Changes   = "changes"
	Snapshots = "snapshots"
)

// Put adds a message for the queue of an output binding.
type Put func(ctx context.Context, binding, message string) error

// New returns the webhook whose secret is kept at s. It makes no request, and reads no
// secret.
func New(s secret.WebhookSource, put Put, log *slog.Logger) (http.Handler, error) {
	if s.IsZero() {
		return nil, &config.Error{Problems: []config.Problem{{
			Variable: "ROLLCALL_WEBHOOK_SECRET", Text: `is needed; write keyvault:https://<vault>/secrets/<name>, file:<path> or {"ClientState":"...","HookKey":"whsec_..."}`,
		}}}
	}
	if err := s.Check(); err != nil {
		return nil, &config.Error{Problems: []config.Problem{{Variable: "ROLLCALL_WEBHOOK_SECRET", Text: err.Error()}}}
	}
	return webhook.New(webhook.Config{
		Changes: &binding{put, Changes, body}, Snapshots: &binding{put, Snapshots, withRun}, Deferred: true,
		Secret: s.Cache(log), Log: log,
	}), nil
}

// binding sends to the queue of an output binding.
type binding struct {
	put     Put
	name    string
	message func(bus.Entry) string
}

// Send is that of [webhook.Sender].
func (b *binding) Send(ctx context.Context, entries []bus.Entry) ([]bus.Failure, error) {
	for _, e := range entries {
		if err := b.put(ctx, b.name, b.message(e)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func body(e bus.Entry) string { return string(e.Body) }

// withRun asks for the run that the entry names, of its subject's tenant.
func withRun(e bus.Entry) string {
	text, _ := json.Marshal(struct {
		Run    string `json:"run"`
		Tenant string `json:"tenant,omitempty"`
	}{e.ID, e.Subject}) // texts always have a JSON form
	return string(text)
}
