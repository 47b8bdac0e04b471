package secret

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

// WebhookSource is where the secret of ROLLCALL_WEBHOOK_SECRET is: the JSON itself, or
// the source that it is read from. The zero value is none.
type WebhookSource struct {
	inline *Webhook
	source Source
	access Access
}

// UnmarshalText takes a JSON object, or reads a source. Errors never quote the secret.
func (s *WebhookSource) UnmarshalText(text []byte) error {
	if len(text) > 0 && text[0] == '{' {
		w, err := ParseWebhook(text)
		*s = WebhookSource{inline: w}
		return err
	}
	source, err := ParseTextSource(string(text))
	var wrong *SourceError
	if errors.As(err, &wrong) {
		return &SourceError{wrong.Problem, wrong.Remedy + ", or the JSON itself"}
	}
	*s = WebhookSource{source: source}
	return nil
}

// Via returns the same, reached by the given access.
func (s WebhookSource) Via(by Access) WebhookSource {
	s.access = by
	return s
}

// Check returns a *[SourceError] if the secret is where it cannot be read from.
func (s WebhookSource) Check() error {
	if s.IsZero() || s.Inline() {
		return nil
	}
	_, err := NewReader(s.source, s.access)
	return err
}

// Source is where the secret is read from, zero where the variable holds it.
func (s WebhookSource) Source() Source { return s.source }

// IsZero reports whether there is no secret.
func (s WebhookSource) IsZero() bool { return s.inline == nil && s.source == Source{} }

// Inline reports whether the variable holds the secret itself: reading it takes no request.
func (s WebhookSource) Inline() bool { return s.inline != nil }

// Format writes the source, or that the secret is hidden, whatever the verb and its flags.
func (s WebhookSource) Format(f fmt.State, _ rune) {
	text := s.source.String()
	if s.Inline() {
		text = redacted
	}
	_, _ = io.WriteString(f, text)
}

// Read reads the secret. The error is an *[Error], or wraps context.Canceled.
func (s WebhookSource) Read(ctx context.Context) (*Webhook, error) { return s.reader()(ctx) }

// Cache returns an empty cache of the secret, whose refreshes that fail are logged.
func (s WebhookSource) Cache(log *slog.Logger) *Cache[*Webhook] {
	return NewCache(s.source, 0, log, s.reader())
}

// reader returns what reads the secret, each time afresh.
func (s WebhookSource) reader() func(ctx context.Context) (*Webhook, error) {
	kept, err := NewReader(s.source, s.access)
	return func(ctx context.Context) (*Webhook, error) {
		switch {
		case s.inline != nil:
			return s.inline, nil
		case err != nil:
			return nil, err
		}
		text, err := kept.Read(ctx)
		if err != nil {
			return nil, err
		}
		w, err := ParseWebhook(text)
		if wrong := (*Error)(nil); errors.As(err, &wrong) {
			wrong.Source = s.source.String()
		}
		return w, err
	}
}
