package signature_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/signature"
)

const example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

func key(t testing.TB, text string) signature.Key {
	t.Helper()
	k, err := signature.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// headers are those of a message.
func headers(id string, at int64, signatures string) http.Header {
	return http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {strconv.FormatInt(at, 10)}, "Webhook-Signature": {signatures}}
}

// The values are those by which the Standard Webhooks libraries test theirs.
func TestSignaturesAreThoseOfStandardWebhooks(t *testing.T) {
	const (
		id   = "msg_p5jXN8AQM9LWM0D4loKWxJek"
		want = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	)
	at, body := time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`)
	if got := signature.Sign([]signature.Key{key(t, example)}, id, at, body); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	if got, err := signature.Verify([]signature.Key{key(t, example)}, headers(id, at.Unix(), want), body, at); got != id || err != nil {
		t.Errorf("%q: %v", got, err)
	}
}

func TestOnlyWhatAKnownKeyHasSignedJustNowVerifies(t *testing.T) {
	now, body := time.Unix(1_800_000_000, 0), []byte(`{"job":"snapshot"}`)
	old, next := key(t, example), key(t, base64.StdEncoding.EncodeToString([]byte("the next key, of 32 bytes ......")))
	foreign := key(t, base64.StdEncoding.EncodeToString([]byte("a key that nobody knows here ...")))
	by := func(id string, at time.Time, keys ...signature.Key) http.Header {
		return headers(id, at.Unix(), signature.Sign(keys, id, at, body))
	}
	with := func(h http.Header, name string, values ...string) http.Header {
		h[name] = values
		return h
	}
	for name, c := range map[string]struct {
		h    http.Header
		body string
		want error
	}{
		"the current key":             {by("m1", now, old), "", nil},
		"the next key":                {by("m1", now, next), "", nil},
		"both":                        {by("m1", now, old, next), "", nil},
		"a foreign one and ours":      {by("m1", now, foreign, old), "", nil},
		"as old as may be":            {by("m1", now.Add(-4*time.Minute), old), "", nil},
		"another version beside it":   {with(by("m1", now, old), "Webhook-Signature", "v2,AAAA v1a,BBBB "+signature.Sign([]signature.Key{old}, "m1", now, body)), "", nil},
		"a foreign key":               {by("m1", now, foreign), "", signature.ErrNoMatch},
		"another body":                {by("m1", now, old), `{"job":"changes"}`, signature.ErrNoMatch},
		"another id":                  {with(by("m1", now, old), "Webhook-Id", "m2"), "", signature.ErrNoMatch},
		"another time":                {with(by("m1", now, old), "Webhook-Timestamp", "1800000001"), "", signature.ErrNoMatch},
		"too old":                     {by("m1", now.Add(-4*time.Minute-time.Second), old), "", signature.ErrTime},
		"from the future":             {by("m1", now.Add(46*time.Second), old), "", signature.ErrTime},
		"no signature":                {with(by("m1", now, old), "Webhook-Signature"), "", signature.ErrNoMatch},
		"an empty one":                {with(by("m1", now, old), "Webhook-Signature", "v1,"), "", signature.ErrNoMatch},
		"ours behind too many":        {with(by("m1", now, old), "Webhook-Signature", strings.Repeat("v1,AAAA ", 16)+signature.Sign([]signature.Key{old}, "m1", now, body)), "", signature.ErrNoMatch},
		"no id":                       {by("", now, old), "", signature.ErrHeaders},
		"two ids":                     {with(by("m1", now, old), "Webhook-Id", "m1", "m2"), "", signature.ErrHeaders},
		"two times":                   {with(by("m1", now, old), "Webhook-Timestamp", "1800000000", "1"), "", signature.ErrHeaders},
		"two headers of signatures":   {with(by("m1", now, old), "Webhook-Signature", signature.Sign([]signature.Key{old}, "m1", now, body), "v1,AAAA"), "", signature.ErrHeaders},
		"an id that hides the time":   {by("m1.1800000000", now, old), "", signature.ErrHeaders},
		"an id with a line in it":     {by("m1\nx", now, old), "", signature.ErrHeaders},
		"an endless id":               {by(strings.Repeat("m", 257), now, old), "", signature.ErrHeaders},
		"a time that is none":         {with(by("m1", now, old), "Webhook-Timestamp", "now"), "", signature.ErrHeaders},
		"a time in another notation":  {with(by("m1", now, old), "Webhook-Timestamp", "+1800000000"), "", signature.ErrHeaders},
		"a time before time":          {by("m1", time.Unix(-5, 0), old), "", signature.ErrHeaders},
		"a time that does not fit it": {with(by("m1", now, old), "Webhook-Timestamp", "99999999999999999999"), "", signature.ErrHeaders},
	} {
		sent := body
		if c.body != "" {
			sent = []byte(c.body)
		}
		id, err := signature.Verify([]signature.Key{old, next}, c.h, sent, now)
		if !errors.Is(err, c.want) || (err == nil) != (id == "m1") {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
	if _, err := signature.Verify(nil, by("m1", now), body, now); !errors.Is(err, signature.ErrNoMatch) {
		t.Errorf("without a key: %v", err)
	}
}

func TestKeysAreCheckedAndDoNotPrint(t *testing.T) {
	long := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 129))
	for _, text := range []string{"", "whsec_", "whsec_not base64!", "c2hvcnQ=", "whsec_c2hvcnQ=", long} {
		if k, err := signature.ParseKey(text); err == nil || !k.IsZero() {
			t.Errorf("%q is taken", text)
		} else if text != "" && text != "whsec_" && strings.Contains(err.Error(), text) {
			t.Errorf("the error quotes the key: %v", err)
		}
	}
	k := key(t, example)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "key", k)
	raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(example, "whsec_"))
	inside := struct{ hidden []signature.Key }{[]signature.Key{k}} // where no method is called
	marshalled, err := json.Marshal(k)
	if err != nil {
		t.Error(err)
	}
	for _, text := range []string{
		fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s %x %q %d %o", k, k, k, k, k, k, k, k), log.String(), string(marshalled),
		fmt.Sprintf("%v %+v %#v %s %x %q %d", inside, inside, inside, inside, inside, inside, inside),
	} {
		for _, leak := range []string{"MfKQ9", string(raw), fmt.Sprintf("%x", raw), strings.Trim(fmt.Sprint(raw), "[]"), "0x31, 0xf2"} {
			if strings.Contains(text, leak) {
				t.Errorf("the key is shown: %s", text)
			}
		}
	}
}

// FuzzParseKey has what may be pasted as a key.
func FuzzParseKey(f *testing.F) {
	for _, text := range []string{"whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\n", "whsec_", "whsec_whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI", "\xff", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		k, err := signature.ParseKey(text)
		if err != nil {
			if len(text) > 16 && strings.Contains(err.Error(), text) {
				t.Fatal(err)
			}
			return
		}
		if k.String() != "[secret]" || k.IsZero() {
			t.Fatal(k)
		}
		if raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(strings.TrimSpace(text), "whsec_")); err != nil || len(raw) < 24 {
			t.Fatalf("%q is taken", text)
		}
	})
}

// FuzzVerify has headers and bodies that nobody has signed.
func FuzzVerify(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	f.Add("m1", "1800000000", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", []byte(`{}`))
	f.Add("", "-1", "v1, v1,,", []byte(nil))
	f.Fuzz(func(t *testing.T, id, timestamp, signatures string, body []byte) {
		keys := []signature.Key{key(t, example)}
		h := http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {timestamp}, "Webhook-Signature": {signatures}}
		if got, err := signature.Verify(keys, h, body, now); err == nil && (got != id || !strings.Contains(signatures, signature.Sign(keys, id, now, body))) {
			at, _ := strconv.ParseInt(timestamp, 10, 64)
			if !strings.Contains(signatures, signature.Sign(keys, id, time.Unix(at, 0), body)) {
				t.Fatalf("%q %q %q verifies", id, timestamp, signatures)
			}
		}
	})
}
