package secret

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/rollcall-dev/rollcall/pkg/signature"
)

// Webhook is what webhooks are trusted by, and what those that this project calls trust.
// Of each kind the current one comes first, and the next one, while it is rotated,
// second; a kind that is not used has none.
type Webhook struct {
	// ClientStates are what Graph sends with each notification.
	ClientStates []Text
	// HookKeys are those that hooks which start a job are signed with.
	HookKeys []signature.Key
	// SinkKeys are those that messages to https destinations are signed with.
	SinkKeys []signature.Key
}

// The lengths of a client state: Graph takes no longer one, and a shorter one can be
// guessed.
const (
	minClientState = 16
	maxClientState = 128
)

// ParseWebhook reads the secret of ROLLCALL_WEBHOOK_SECRET, a JSON object with the
// members ClientState, HookKey and SinkKey, each optional and each with a ...Next while
// it is rotated. The error names the member and never quotes the secret.
func ParseWebhook(text []byte) (*Webhook, error) {
	var kept struct{ ClientState, ClientStateNext, HookKey, HookKeyNext, SinkKey, SinkKeyNext string }
	err := json.Unmarshal(text, &kept)
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		return nil, fmt.Errorf("the member %s of the secret of ROLLCALL_WEBHOOK_SECRET is not a text", kind.Field)
	case err != nil || !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")):
		return nil, errors.New(`the secret of ROLLCALL_WEBHOOK_SECRET is not a JSON object such as {"ClientState":"...","HookKey":"whsec_...","SinkKey":"whsec_..."}`)
	}
	w := new(Webhook)
	for _, member := range []struct{ name, current, next string }{
		{"ClientState", kept.ClientState, kept.ClientStateNext}, {"HookKey", kept.HookKey, kept.HookKeyNext}, {"SinkKey", kept.SinkKey, kept.SinkKeyNext},
	} {
		if member.current == "" && member.next != "" {
			return nil, fmt.Errorf("the secret of ROLLCALL_WEBHOOK_SECRET has a %sNext without a %[1]s; name the one in use %[1]s", member.name)
		}
		for i, value := range []string{member.current, member.next} {
			if value == "" {
				continue
			}
			if err := w.add(member.name, value); err != nil {
				return nil, fmt.Errorf("the member %s%s of the secret of ROLLCALL_WEBHOOK_SECRET: %w", member.name, []string{"", "Next"}[i], err)
			}
		}
	}
	return w, nil
}

func (w *Webhook) add(name, value string) error {
	if name == "ClientState" {
		if !isClientState(value) {
			return errors.New("a client state is 16 to 128 printable ASCII characters without a space; make one with `openssl rand -hex 32`")
		}
		w.ClientStates = append(w.ClientStates, NewText(value))
		return nil
	}
	key, err := signature.ParseKey(value)
	if err != nil {
		return err
	}
	if name == "HookKey" {
		w.HookKeys = append(w.HookKeys, key)
	} else {
		w.SinkKeys = append(w.SinkKeys, key)
	}
	return nil
}

func isClientState(text string) bool {
	if len(text) < minClientState || len(text) > maxClientState {
		return false
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// WebhookSource is where the secret of ROLLCALL_WEBHOOK_SECRET is: the JSON itself, or
// the source that it is read from. The zero value is none.
type WebhookSource struct {
	text   Text
	source Source
}

// UnmarshalText takes a JSON object, or reads a source. Errors never quote the secret.
func (s *WebhookSource) UnmarshalText(text []byte) error {
	if len(text) > 0 && text[0] == '{' {
		*s = WebhookSource{text: NewText(string(text))}
		return nil
	}
	source, err := ParseSource(string(text))
	if err == nil && source.Scheme == Environment {
		err = errors.New("env: holds no such secret; write secretsmanager:<ARN or name>, file:<path> or the JSON itself")
	}
	*s = WebhookSource{source: source}
	return err
}

// IsZero reports whether there is no secret.
func (s WebhookSource) IsZero() bool { return s.text.IsZero() && s.source == Source{} }

// Inline reports whether the variable holds the secret itself: reading it takes no request.
func (s WebhookSource) Inline() bool { return !s.text.IsZero() }

// Read reads the secret. The error is an *[Error], wraps context.Canceled, or says what
// about the secret is wrong.
func (s WebhookSource) Read(ctx context.Context) (*Webhook, error) {
	if s.Inline() {
		return ParseWebhook([]byte(s.text.Reveal()))
	}
	kept, err := NewReader(s.source, nil)
	if err != nil {
		return nil, err
	}
	text, err := kept.Read(ctx)
	if err != nil {
		return nil, err
	}
	return ParseWebhook(text)
}

// Cache returns an empty cache of the secret, whose refreshes that fail are logged.
func (s WebhookSource) Cache(log *slog.Logger) *Cache[*Webhook] {
	return NewCache(s.source, 0, log, s.Read)
}
