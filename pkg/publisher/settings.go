package publisher

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus/https"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/sink"
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
	// WebhookSecret is the secret that messages to webhooks are signed with.
	WebhookSecret WebhookSecret `env:"ROLLCALL_WEBHOOK_SECRET"`
}

// WebhookSecret is a secret that holds the keys of webhooks: itself, or the source
// that it is read from.
type WebhookSecret struct {
	text   secret.Text
	source secret.Source
}

// UnmarshalText takes a JSON object, or reads a source. Errors never quote the
// secret.
func (s *WebhookSecret) UnmarshalText(text []byte) error {
	if len(text) > 0 && text[0] == '{' {
		*s = WebhookSecret{text: secret.NewText(string(text))}
		return nil
	}
	source, err := secret.ParseSource(string(text))
	if err == nil && source.Scheme == secret.Environment {
		err = errors.New("env: holds no such secret; write secretsmanager:<ARN or name>, file:<path> or the JSON itself")
	}
	*s = WebhookSecret{source: source}
	return err
}

// check finds out, without reading a source, whether sinks can be signed for.
func (s WebhookSecret) check() error {
	switch {
	case !s.text.IsZero():
		_, err := parseKeys([]byte(s.text.Reveal()))
		return err
	case s.source == secret.Source{}:
		return errors.New(`is needed to sign the messages of https destinations; write secretsmanager:<ARN or name>, file:<path> or {"SinkKey":"whsec_..."}`)
	}
	return nil
}

// keys returns what messages are signed with.
func (s WebhookSecret) keys(ctx context.Context) ([]https.Secret, error) {
	if !s.text.IsZero() {
		return parseKeys([]byte(s.text.Reveal()))
	}
	kept, err := secret.NewReader(s.source, nil)
	if err != nil {
		return nil, err
	}
	text, err := kept.Read(ctx)
	if err != nil {
		return nil, err
	}
	return parseKeys(text)
}

// parseKeys reads the keys of sinks. SinkKeyNext is there while the key is rotated:
// messages then carry both signatures. Errors never quote the secret.
func parseKeys(text []byte) ([]https.Secret, error) {
	var keys struct{ SinkKey, SinkKeyNext string }
	if err := json.Unmarshal(text, &keys); err != nil || keys.SinkKey == "" {
		return nil, errors.New(`the secret of ROLLCALL_WEBHOOK_SECRET is not a JSON object with a SinkKey, such as {"SinkKey":"whsec_..."}`)
	}
	var secrets []https.Secret
	for _, key := range []string{keys.SinkKey, keys.SinkKeyNext} {
		if key == "" {
			continue
		}
		parsed, err := https.ParseSecret(key)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, parsed)
	}
	return secrets, nil
}
