package https_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/bus/https"
	"github.com/rollcall-dev/rollcall/pkg/signature"
)

// verify checks a message as a receiver does, with one of its secrets.
func verify(t *testing.T, header http.Header, body []byte, secret string) {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(header.Get("webhook-id") + "." + header.Get("webhook-timestamp") + "."))
	mac.Write(body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, signature := range strings.Fields(header.Get("webhook-signature")) {
		if signature == want {
			return
		}
	}
	t.Errorf("no signature of %q is by the secret", header.Get("webhook-signature"))
}

func TestEachSecretSigns(t *testing.T) {
	next := "whsec_" + base64.StdEncoding.EncodeToString([]byte("the next secret, of 32 bytes ...."))
	posted := 0
	handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		posted++
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		verify(t, r.Header, body.Bytes(), exampleSecret)
		verify(t, r.Header, body.Bytes(), next)
		if n := len(strings.Fields(r.Header.Get("webhook-signature"))); n != 2 {
			t.Errorf("%d signatures", n)
		}
	})
	d, err := https.New(https.Config{
		Target: target(t, "https://receiver.example.com/"), Transport: bustest.Transport{Handler: handler},
		Keys: []signature.Key{secret(t, exampleSecret), secret(t, strings.TrimPrefix(next, "whsec_"))},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Send(t.Context(), []bus.Entry{{ID: "e1", Body: []byte(`{}`)}}); err != nil || posted != 1 {
		t.Errorf("%d posted: %v", posted, err)
	}
}

func TestAWebhookNeedsAKey(t *testing.T) {
	for _, keys := range [][]signature.Key{nil, {{}}} {
		if _, err := https.New(https.Config{Target: target(t, "https://receiver.example.com/"), Keys: keys}); err == nil {
			t.Error("a webhook without a key is made")
		}
	}
}
