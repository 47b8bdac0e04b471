package lambda_test

import (
	"bytes"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"github.com/rollcall-dev/rollcall/pkg/trigger/lambda"
)

// FuzzEvent has events that anybody may have written. None panics, none is answered
// without a caller whom its trigger names, and what is answered is JSON.
func FuzzEvent(f *testing.F) {
	for _, name := range append(triggers(), "authorizer", "eventbridge", "rotation", "s3", "scheduler", "sns", "sqs", "websocket") {
		f.Add([]byte(event(f, name)))
	}
	for _, text := range []string{
		`{}`, `null`, `[]`, `{"select":["id"],"top":3}`, `{"requestContext":{"elb":{}}}`, `{"httpMethod":"GET"}`, `{"version":"2.0","requestContext":{"http":{}}}`,
		`{"version":"1.0","requestContext":{"httpMethod":"GET"},"path":"/%"}`, `{"httpMethod":"GET","path":"","requestContext":{"authorizer":{"claims":null}}}`,
		`{"httpMethod":"GET","resource":"/{proxy+}","path":"/x","pathParameters":{"proxy":"x"}}`, `{"Records":[null]}`, `{"httpMethod":"\u0000 /","path":"/"}`,
	} {
		f.Add([]byte(text))
	}
	l := &lambda.HTTP{Handler: http.HandlerFunc(echo), Log: slog.New(slog.DiscardHandler), Keys: noKeys{}}
	f.Fuzz(func(t *testing.T, event []byte) {
		out, err := l.Invoke(t.Context(), event)
		if err != nil {
			var named messages.InvokeResponse_Error
			if !errors.As(err, &named) || named.Type == "Internal.Error" {
				t.Fatalf("%v", err)
			}
			return
		}
		if raw, ok := out.(json.RawMessage); ok {
			if !json.Valid(raw) {
				t.Fatalf("%s", raw)
			}
			return
		}
		a := answerOf(t, out)
		if a.StatusCode < 200 || a.StatusCode > 599 {
			t.Fatalf("%+v", a)
		}
		if a.StatusCode == http.StatusOK && !mentionsCaller(event) {
			t.Fatalf("nobody is verified, and the answer is %+v", a)
		}
	})
}

// mentionsCaller reports whether an event has a member in which a trigger names a caller.
// Member names are compared as encoding/json does.
func mentionsCaller(event []byte) bool {
	var tree any
	if json.Unmarshal(event, &tree) != nil {
		return false
	}
	plain, _ := json.Marshal(tree)
	text := strings.NewReplacer("ſ", "s").Replace(strings.ToLower(string(plain)))
	for _, member := range []string{`"userarn"`, `"claims"`, `"principalid"`, `"clientcertpem"`, `"lambda"`, `"authorizer"`} {
		if strings.Contains(text, member) {
			return true
		}
	}
	return false
}

// noKeys publishes no key.
type noKeys struct{}

func (noKeys) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("no network") }

// FuzzALBToken has tokens that no load balancer has signed.
func FuzzALBToken(f *testing.F) {
	key, published := newKey(f, elliptic.P256())
	l := &lambda.HTTP{Handler: http.HandlerFunc(echo), Log: slog.New(slog.DiscardHandler), Keys: &publisher{keys: map[string]string{keyURL: published}}}
	header := part(tokenHeader(members{"exp": time.Now().Add(time.Hour).Unix()}))
	genuine := sign(f, key, tokenHeader(nil), members{"sub": "genuine"})
	f.Add(genuine)
	f.Add(strings.TrimRight(genuine, "="))
	f.Add(header + "." + part(members{"sub": "kim"}) + ".")
	f.Add(header + "." + part(members{"sub": "kim"}) + "." + part(make([]byte, 64)))
	f.Add(part(tokenHeader(members{"alg": "none"})) + "." + part(members{"sub": "kim"}) + ".")
	f.Add(part(tokenHeader(members{"exp": 1e300})) + ".e30=.")
	f.Add(part(tokenHeader(members{"kid": nil, "signer": 7})) + ".e30=.e30=")
	f.Add("...")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		out, err := l.Invoke(t.Context(), edited(t, "alb", token, "headers", "x-amzn-oidc-data"))
		if err != nil {
			t.Fatal(err)
		}
		a := answerOf(t, out)
		if a.StatusCode == http.StatusOK {
			if !strings.HasPrefix(token, genuine[:strings.LastIndexByte(genuine, '.')]) {
				t.Fatalf("a forged token is taken: %+v", a)
			}
			return
		}
		for field := range strings.SplitSeq(token, ".") {
			if len(field) > 12 && strings.Contains(a.Body, field) {
				t.Fatalf("the refusal quotes the token: %s", a.Body)
			}
		}
	})
}

// FuzzALBKey has keys that are published for a token which another key has signed.
func FuzzALBKey(f *testing.F) {
	key, _ := newKey(f, elliptic.P256())
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P224(), elliptic.P384()} {
		_, other := newKey(f, curve)
		f.Add([]byte(other))
		f.Add([]byte(other[:len(other)/2]))
		f.Add([]byte(strings.Replace(other, "PUBLIC KEY", "CERTIFICATE", 2)))
	}
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		f.Fatal(err)
	}
	der, _ := x509.MarshalPKIXPublicKey(&private.PublicKey)
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	f.Add([]byte("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----"))
	f.Add([]byte{})
	token := sign(f, key, tokenHeader(members{"exp": time.Now().Add(time.Hour).Unix()}), members{"sub": "kim"})
	request := edited(f, "alb", token, "headers", "x-amzn-oidc-data")
	f.Fuzz(func(t *testing.T, published []byte) {
		l := &lambda.HTTP{Handler: http.HandlerFunc(echo), Log: slog.New(slog.DiscardHandler), Keys: &publisher{keys: map[string]string{keyURL: string(published)}}}
		out, err := l.Invoke(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if a := answerOf(t, out); a.StatusCode != http.StatusUnauthorized {
			t.Fatalf("%+v", a)
		}
	})
}

// TestAKeyWithoutAnEndIsNotReadWhole has an answer that never ends.
func TestAKeyWithoutAnEndIsNotReadWhole(t *testing.T) {
	key, _ := newKey(t, elliptic.P256())
	endless := &endless{}
	l := &lambda.HTTP{Handler: http.HandlerFunc(echo), Log: slog.New(slog.DiscardHandler), Keys: endless}
	token := sign(t, key, tokenHeader(nil), members{"sub": "kim"})
	if a := askALB(t, l, token); a.StatusCode != http.StatusUnauthorized || endless.read > 64<<10 {
		t.Errorf("%+v after %d bytes", a, endless.read)
	}
}

type endless struct{ read int }

func (e *endless) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: r, Body: io.NopCloser(e)}, nil
}

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return copy(p, bytes.Repeat([]byte{'A'}, len(p))), nil
}
