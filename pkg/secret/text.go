package secret

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Text is the text of a secret, which cannot be printed: fmt under any verb, slog,
// and JSON or text marshalling all write "[redacted]". Only [Text.Reveal] gives it.
// The zero value holds no text.
type Text struct {
	// A closure, because printers that walk unexported fields (where fmt may not
	// call a method) find only an address in it. It also forbids ==.
	reveal func() string
}

// NewText returns a Text that holds text.
func NewText(text string) Text {
	return Text{reveal: func() string { return text }}
}

// Reveal returns the text itself. Every call of it deserves a second look.
func (t Text) Reveal() string {
	if t.reveal == nil {
		return ""
	}
	return t.reveal()
}

// IsZero reports whether it holds no text.
func (t Text) IsZero() bool { return t.Reveal() == "" }

// Equal compares two texts in a time that does not depend on their content.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

// String returns "[redacted]".
func (t Text) String() string { return redacted }

// GoString returns "[redacted]".
func (t Text) GoString() string { return redacted }

// Format writes "[redacted]" whatever the verb and its flags.
func (t Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]".
func (t Text) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON returns "[redacted]" as a JSON string.
func (t Text) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText returns "[redacted]".
func (t Text) MarshalText() ([]byte, error) { return []byte(redacted), nil }
