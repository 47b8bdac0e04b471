package publisher

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/bus/https"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// webhookKeys is the secret that ROLLCALL_WEBHOOK_SECRET names, as far as sinks
// need it. SinkKeyNext is there while the key is rotated: messages then carry both
// signatures.
type webhookKeys struct {
	SinkKey, SinkKeyNext string
}

// sinkKeys reads what webhooks are signed with: the variable itself if it holds
// JSON, or what it points to.
func (w *world) sinkKeys(ctx context.Context) ([]https.Secret, error) {
	value := w.cfg.WebhookSecret
	if isJSON(value) {
		return parseKeys([]byte(value))
	}
	source, err := keySource(value)
	if err != nil {
		return nil, err
	}
	keys, err := secret.NewReader(source, nil)
	if err != nil {
		return nil, err
	}
	text, err := keys.Read(ctx)
	if err != nil {
		return nil, err
	}
	return parseKeys(text)
}

// checkWebhookSecret checks the variable, and reads nothing that it points to.
func checkWebhookSecret(value string) error {
	if isJSON(value) {
		_, err := parseKeys([]byte(value))
		return err
	}
	_, err := keySource(value)
	return err
}

func isJSON(value string) bool { return strings.HasPrefix(value, "{") }

// keySource is where the secret is kept.
func keySource(value string) (secret.Source, error) {
	if value == "" {
		return secret.Source{}, errors.New(`is needed to sign the messages of https destinations; write secretsmanager:<ARN or name>, file:<path> or {"SinkKey":"whsec_..."}`)
	}
	source, err := secret.ParseSource(value)
	if err == nil && source.Scheme == secret.Environment {
		err = errors.New("env: holds no such secret; write secretsmanager:<ARN or name>, file:<path> or the JSON itself")
	}
	return source, err
}

// parseKeys reads the secret. No error of it quotes anything of it.
func parseKeys(text []byte) ([]https.Secret, error) {
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
