package publisher

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/signature"
	"github.com/rollcall-dev/rollcall/pkg/sink"
	"github.com/rollcall-dev/rollcall/pkg/subscription"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// Settings are the variables that publishing reads besides those of
// [config.Config]; see [config.Read].
type Settings struct {
	// Sinks are the destinations.
	Sinks sink.Sinks `env:"ROLLCALL_SINKS"`
	// State is the store of what is kept between runs. Default: /state in the first
	// store among the sinks.
	State sink.Store `env:"ROLLCALL_STATE"`
	// MaxLeavers is how many known users may be missing at once.
	MaxLeavers tolerance.Tolerance `env:"ROLLCALL_MAX_LEAVERS" envDefault:"1%"`
	// MaxColumnLoss is how many of the values that a column had may be missing.
	MaxColumnLoss tolerance.Tolerance `env:"ROLLCALL_MAX_COLUMN_LOSS" envDefault:"50%"`
	// Reconcile is how often the change feed compares its mirror with everybody.
	Reconcile time.Duration `env:"ROLLCALL_RECONCILE" envDefault:"168h"`
	// Tenants is the tenants file.
	Tenants sink.Object `env:"ROLLCALL_TENANTS"`
	// NotificationURL is where Graph is to notify of changes; without it, it is not asked to.
	NotificationURL subscription.Address `env:"ROLLCALL_NOTIFICATION_URL"`
	// WebhookSecret holds the keys that messages to webhooks are signed with.
	WebhookSecret secret.WebhookSource `env:"ROLLCALL_WEBHOOK_SECRET"`
}

// checkWebhookSecret finds out, without a request, whether it holds what is needed of it.
func (s *Settings) checkWebhookSecret() error {
	signed := slices.ContainsFunc(s.Sinks.Buses, func(b sink.Bus) bool { return b.Signed })
	switch {
	case s.WebhookSecret.IsZero() && signed:
		return errors.New(`is needed to sign the messages of https destinations; write secretsmanager:<ARN or name>, file:<path> or {"SinkKey":"whsec_..."}`)
	case s.WebhookSecret.IsZero() && !s.NotificationURL.IsZero():
		return errNoClientState
	case !s.WebhookSecret.Inline():
		return s.WebhookSecret.Check()
	}
	if signed {
		if _, err := s.sinkKeys(context.Background()); err != nil {
			return err
		}
	}
	if !s.NotificationURL.IsZero() {
		if _, err := s.clientState(context.Background()); err != nil {
			return err
		}
	}
	return nil
}

var errNoClientState = errors.New(`is needed where ROLLCALL_NOTIFICATION_URL is set; write secretsmanager:<ARN or name>, file:<path> or {"ClientState":"..."}`)

// Keeper returns what keeps the subscription of a tenant to change notifications. It reads
// the secret, so that another client state counts from the next time on.
func (s *Settings) Keeper(ctx context.Context, tenant subscription.Directory) (*subscription.Keeper, error) {
	switch {
	case s.NotificationURL.IsZero():
		return nil, invalid("ROLLCALL_NOTIFICATION_URL", errors.New("is not set; write the https URL of the webhook's notifications, such as https://<id>.execute-api.<region>.amazonaws.com/notifications"))
	case s.WebhookSecret.IsZero():
		return nil, invalid("ROLLCALL_WEBHOOK_SECRET", errNoClientState)
	}
	state, err := s.clientState(ctx)
	if err != nil {
		return nil, configured("ROLLCALL_WEBHOOK_SECRET", err)
	}
	return &subscription.Keeper{Directory: tenant, Address: s.NotificationURL, ClientState: state}, nil
}

// clientState returns by what the webhook knows Graph. Of two it is the next one, which the
// webhook takes as well, and will still take when it has become the only one.
func (s *Settings) clientState(ctx context.Context) (secret.Text, error) {
	w, err := s.WebhookSecret.Read(ctx)
	if err == nil && len(w.ClientStates) == 0 {
		err = errors.New(`the secret of ROLLCALL_WEBHOOK_SECRET has no ClientState; add "ClientState":"<16 to 128 characters>"`)
	}
	if err != nil {
		return secret.Text{}, err
	}
	return w.ClientStates[len(w.ClientStates)-1], nil
}

// sinkKeys returns what messages are signed with: by both keys while one is rotated.
func (s *Settings) sinkKeys(ctx context.Context) ([]signature.Key, error) {
	w, err := s.WebhookSecret.Read(ctx)
	if err == nil && len(w.SinkKeys) == 0 {
		err = errors.New(`the secret of ROLLCALL_WEBHOOK_SECRET has no SinkKey; add "SinkKey":"whsec_..."`)
	}
	if err != nil {
		return nil, err
	}
	return w.SinkKeys, nil
}
