package https

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Secret is a key that messages are signed with. It prints as nothing.
type Secret struct{ key []byte }

// minKey is the least that Standard Webhooks allows.
const minKey = 24

var errSecret = errors.New("a webhook's secret is base64 of at least 24 random bytes, with or without whsec_ before it; make one with `openssl rand -base64 32`")

// ParseSecret reads a secret in the form of Standard Webhooks: whsec_<base64>,
// or the base64 alone. The error does not quote it.
func ParseSecret(text string) (Secret, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(text), "whsec_"))
	if err != nil || len(key) < minKey {
		return Secret{}, errSecret
	}
	return Secret{key: key}, nil
}

// String hides the secret.
func (s Secret) String() string { return "[secret]" }

// GoString hides the secret.
func (s Secret) GoString() string { return "[secret]" }

// LogValue hides the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue("[secret]") }

// signatures is the value of webhook-signature: one signature for each secret, so
// that a receiver may have the old or the new one while it is rotated.
func signatures(secrets []Secret, id string, at time.Time, body []byte) string {
	var b strings.Builder
	for i, secret := range secrets {
		if i > 0 {
			b.WriteByte(' ')
		}
		mac := hmac.New(sha256.New, secret.key)
		mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		mac.Write(body)
		b.WriteString("v1,")
		b.WriteString(base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	return b.String()
}
