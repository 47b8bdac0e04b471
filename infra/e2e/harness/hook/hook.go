// Package hook is the other end of messages that are signed by Standard Webhooks: whoever
// starts a job by a hook, and a webhook to which events are sent. It shares no code with
// what it tests.
//
// Source: the specification of Standard Webhooks, "Signature scheme".
package hook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
)

// Key is the key of a test in base64, without the whsec_ before it.
type Key string

// Sign returns the headers of a message that is signed now.
func (k Key) Sign(id string, body []byte) http.Header {
	now := strconv.FormatInt(time.Now().Unix(), 10)
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", now)
	h.Set("webhook-signature", k.signature(id, now, body))
	return h
}

func (k Key) signature(id, timestamp string, body []byte) string {
	leak.Name("hook key", string(k))
	secret, err := base64.StdEncoding.DecodeString(string(k))
	if err != nil {
		panic(err) // a key is a constant of a test
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// Target is a webhook over TLS that takes what is sent to it, and checks each signature.
type Target struct {
	*httptest.Server
	key Key

	mu     sync.Mutex
	bodies [][]byte
	wrong  error
}

// Start starts a webhook that knows the key. The caller closes it.
func (k Key) Start(context.Context) (*Target, error) {
	t := &Target{key: k}
	t.Server = httptest.NewTLSServer(http.HandlerFunc(t.take))
	return t, nil
}

func (t *Target) take(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	t.mu.Lock()
	defer t.mu.Unlock()
	want := t.key.signature(r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), body)
	switch {
	case err != nil:
		t.wrong = err
	case !strings.Contains(r.Header.Get("webhook-signature"), want):
		t.wrong = errors.New("the signature is wrong")
	}
	t.bodies = append(t.bodies, body)
}

// Received returns the bodies of all messages so far, and what was wrong with one of them.
func (t *Target) Received() ([][]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bodies[:len(t.bodies):len(t.bodies)], t.wrong
}
