package publisher

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/bus/https"
	"github.com/rollcall-dev/rollcall/pkg/credential"
)

// webhookKeys is the secret that ROLLCALL_WEBHOOK_SECRET names, as far as sinks
// need it. SinkKeyNext is there while the key is rotated: messages then carry both
// signatures.
type webhookKeys struct {
	SinkKey, SinkKeyNext string
}

// sinkKeys reads what webhooks are signed with.
func (w *world) sinkKeys(ctx context.Context) ([]https.Secret, error) {
	text, err := w.webhookSecret(ctx)
	if err != nil {
		return nil, err
	}
	var keys webhookKeys
	if err := json.Unmarshal(text, &keys); err != nil || keys.SinkKey == "" {
		return nil, errors.New(`the secret of ROLLCALL_WEBHOOK_SECRET is not a JSON object with a SinkKey, such as {"SinkKey":"whsec_..."}`)
	}
	var secrets []https.Secret
	for _, key := range []string{keys.SinkKey, keys.SinkKeyNext} {
		if key == "" {
			continue
		}
		secret, err := https.ParseSecret(key)
		if err != nil {
			return nil, err
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

// webhookSecret is the variable itself if it holds JSON, or what it points to.
func (w *world) webhookSecret(ctx context.Context) ([]byte, error) {
	value := w.cfg.WebhookSecret
	switch {
	case value == "":
		return nil, errors.New("https destinations need ROLLCALL_WEBHOOK_SECRET, to sign their messages")
	case strings.HasPrefix(value, "{"):
		return []byte(value), nil
	}
	source, err := credential.ParseSource(value)
	if err != nil {
		return nil, err
	}
	return credential.Text(ctx, credential.Config{Source: source})
}
