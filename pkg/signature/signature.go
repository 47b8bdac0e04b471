// Package signature signs messages and checks their signatures as Standard Webhooks
// does: HMAC-SHA256 over the message's id, its time and its body, in the headers
// webhook-id, webhook-timestamp and webhook-signature.
package signature

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a message.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// A message's time may be so far from its receiver's. It verifies for less than five
// minutes in all: for so long a FIFO queue remembers that it has had the message.
const (
	MaxAge   = 4 * time.Minute
	MaxAhead = 45 * time.Second
)

const (
	minKey = 24 // bytes, the least that Standard Webhooks allows
	// maxKey is the most that it allows, and double that for the keys that other tools make.
	maxKey = 128
	maxID  = 256
	// maxSignatures is how many signatures of a message are looked at.
	maxSignatures = 16
)

// Key is a key that messages are signed with: fmt under any verb, slog, and JSON or text
// marshalling all write "[secret]". The zero value is no key.
type Key struct {
	// A closure, because printers that walk unexported fields (where fmt may not call a
	// method) find only an address in it.
	sum func(id, timestamp string, body []byte) []byte
}

// ErrKey is the error of a text that is no key.
var ErrKey = errors.New("a key of webhooks is base64 of 24 to 128 random bytes, with or without whsec_ before it; make one with `openssl rand -base64 32`")

// ParseKey reads a key in the form of Standard Webhooks: whsec_<base64>, or the base64
// alone. The error does not quote it.
func ParseKey(text string) (Key, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(text), "whsec_"))
	if err != nil || len(key) < minKey || len(key) > maxKey {
		return Key{}, ErrKey
	}
	return Key{sum: func(id, timestamp string, body []byte) []byte {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(id + "." + timestamp + "."))
		mac.Write(body)
		return mac.Sum(nil)
	}}, nil
}

// IsZero reports whether it is no key.
func (k Key) IsZero() bool { return k.sum == nil }

const hidden = "[secret]"

// String returns "[secret]".
func (k Key) String() string { return hidden }

// Format writes "[secret]" whatever the verb and its flags.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// LogValue returns "[secret]".
func (k Key) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText returns "[secret]".
func (k Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Sign returns the value of webhook-signature: one signature for each key, so that a
// receiver may have the old or the new one while it is rotated.
func Sign(keys []Key, id string, at time.Time, body []byte) string {
	var b strings.Builder
	for i, key := range keys {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("v1,")
		b.WriteString(base64.StdEncoding.EncodeToString(key.sum(id, strconv.FormatInt(at.Unix(), 10), body)))
	}
	return b.String()
}

// The errors of [Verify].
var (
	ErrHeaders = errors.New("the headers webhook-id, webhook-timestamp and webhook-signature are not those of a signed message")
	ErrTime    = errors.New("the webhook-timestamp is more than four minutes old, or ahead of the time here; sign the message when it is sent, and check the clock")
	ErrNoMatch = errors.New("no webhook-signature of the message is by a key that is known here")
)

// Verify returns the id of a message that one of the keys has signed just now: see
// [MaxAge] and [MaxAhead]. The error is [ErrHeaders], [ErrTime] or [ErrNoMatch]. A message that
// is sent again within that time verifies again: its id tells.
func Verify(keys []Key, h http.Header, body []byte, now time.Time) (id string, err error) {
	id, timestamp := h.Get(HeaderID), h.Get(HeaderTimestamp)
	for _, name := range []string{HeaderID, HeaderTimestamp, HeaderSignature} {
		if len(h.Values(name)) > 1 {
			return "", ErrHeaders // whoever stands before this may have looked at another one
		}
	}
	if !isID(id) {
		return "", ErrHeaders
	}
	at, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || at < 0 || strconv.FormatInt(at, 10) != timestamp {
		return "", ErrHeaders
	}
	if sent := time.Unix(at, 0); sent.Before(now.Add(-MaxAge)) || sent.After(now.Add(MaxAhead)) {
		return "", ErrTime
	}
	sums := make([][]byte, len(keys))
	for i, key := range keys {
		sums[i] = key.sum(id, timestamp, body)
	}
	given := strings.Fields(h.Get(HeaderSignature))
	for _, signature := range given[:min(len(given), maxSignatures)] {
		version, text, _ := strings.Cut(signature, ",")
		sum, err := base64.StdEncoding.DecodeString(text)
		if version != "v1" || err != nil {
			continue // one of another version
		}
		for _, own := range sums {
			if hmac.Equal(own, sum) {
				return id, nil
			}
		}
	}
	return "", ErrNoMatch
}

// isID reports whether a text may be a message's id: printable ASCII without a dot, which
// separates the parts of what is signed.
func isID(text string) bool {
	if text == "" || len(text) > maxID {
		return false
	}
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' || c == '.' {
			return false
		}
	}
	return true
}
