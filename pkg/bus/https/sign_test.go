package https_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/bus/https"
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
		Secrets: []https.Secret{secret(t, exampleSecret), secret(t, strings.TrimPrefix(next, "whsec_"))},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Send(t.Context(), []bus.Entry{{ID: "e1", Body: []byte(`{}`)}}); err != nil || posted != 1 {
		t.Errorf("%d posted: %v", posted, err)
	}
}

// The values are those by which the Standard Webhooks libraries test theirs.
func TestSignaturesAreThoseOfStandardWebhooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Unix(1614265330, 0)))
		at := time.Now().Unix()
		var header http.Header
		handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { header = r.Header })
		d, err := https.New(https.Config{
			Target: target(t, "https://receiver.example.com/"), Transport: bustest.Transport{Handler: handler},
			Secrets: []https.Secret{secret(t, exampleSecret)},
		})
		if err != nil {
			t.Fatal(err)
		}
		entry := bus.Entry{ID: "msg_p5jXN8AQM9LWM0D4loKWxJek", Body: []byte(`{"test": 2432232314}`)}
		if _, err := d.Send(t.Context(), []bus.Entry{entry}); err != nil {
			t.Fatal(err)
		}
		if at != 1614265330 {
			t.Fatalf("the clock says %d", at)
		}
		const want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
		if got := header.Get("webhook-signature"); got != want {
			t.Errorf("signature %s, want %s", got, want)
		}
	})
}

func TestSecretsAreCheckedAndDoNotPrint(t *testing.T) {
	for _, text := range []string{"", "whsec_", "whsec_not base64!", "c2hvcnQ=", "whsec_c2hvcnQ="} {
		if _, err := https.ParseSecret(text); err == nil {
			t.Errorf("%q is taken", text)
		} else if text != "" && strings.Contains(err.Error(), text) && text != "whsec_" {
			t.Errorf("the error quotes the secret: %v", err)
		}
	}
	s := secret(t, exampleSecret)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "secret", s)
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(exampleSecret, "whsec_"))
	for _, text := range []string{fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %s %x %q", s, s, s, s, s, s), log.String()} {
		for _, leak := range []string{"MfKQ9", string(key), fmt.Sprintf("%x", key), fmt.Sprint(key)} {
			if strings.Contains(text, leak) {
				t.Errorf("the secret is shown: %s", text)
			}
		}
	}
	if _, err := https.New(https.Config{Target: target(t, "https://receiver.example.com/")}); err == nil {
		t.Error("a webhook without a secret is made")
	}
}
