package https_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/https"
	"github.com/rollcall-dev/rollcall/pkg/signature"
)

// roundTrip is a transport.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func fuzzSecret(t testing.TB) []signature.Key {
	t.Helper()
	secret, err := signature.ParseKey(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("k"), 24)))
	if err != nil {
		t.Fatal(err)
	}
	return []signature.Key{secret}
}

func entry() []bus.Entry {
	return []bus.Entry{{ID: "a", Source: "s", Type: "t", Body: []byte("{}")}}
}

// FuzzTarget has URLs of webhooks. A message goes to the host that the URL names, and
// nothing but the host is ever shown of it.
func FuzzTarget(f *testing.F) {
	for _, text := range []string{
		"https://host/path?token=canarycanarycanary", "https://HOST:443/", "https://host:8443", "https://user:password@host/", "http://host/", "https://h\u0130st/", "https://[::1]:1/x",
		"https://%68ost/", "https://host\\@evil/", "https://host#a", "https:host", "https://ho st/", "https://host:/x", "https://host:99999/", "https://xn--hst-nza/", "https://host/%zz", "//host", "",
	} {
		f.Add(text)
	}
	secrets := fuzzSecret(f)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := https.Parse(text)
		if err != nil {
			if _, rest, _ := strings.Cut(text, "//"); len(rest) > 20 && strings.Contains(err.Error(), rest) {
				t.Fatalf("%v quotes %q", err, text)
			}
			return
		}
		shown := c.String()
		again, err := https.Parse(shown)
		if err != nil || again.String() != shown || strings.ContainsAny(strings.TrimPrefix(shown, "https://"), "/?#@") {
			t.Fatalf("%q is %s, and that is %s, %v", text, shown, again, err)
		}
		u, err := url.Parse(text)
		if err != nil || !strings.EqualFold(u.Hostname(), strings.Trim(hostOf(t, shown), "[]")) {
			t.Fatalf("%q is %s", text, shown)
		}
		c.Keys, c.AllowPrivate = secrets, true
		c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if "https://"+r.URL.Host != shown || r.URL.User != nil {
				t.Errorf("%q is sent to %s", text, r.URL)
			}
			return nil, errors.New("canary in " + r.URL.String())
		})
		d, err := https.New(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Send(t.Context(), entry()); err == nil || strings.Contains(err.Error(), "canary") {
			t.Fatal(err)
		}
	})
}

func hostOf(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u.Hostname()
}

// FuzzReply has answers of a receiver. A message is taken by a status of 200 to 299, and no
// error quotes the answer.
func FuzzReply(f *testing.F) {
	for _, text := range []string{
		"HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: https://canarycanary/\r\n\r\n",
		"HTTP/1.1 429 Slow\r\nRetry-After: 99999999999999999999\r\n\r\ncanarycanary", "HTTP/1.1 503 x\r\nRetry-After: -1\r\n\r\n", "HTTP/1.1 410 Gone\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz", "HTTP/1.1 401 canarycanary\r\nWWW-Authenticate: canarycanary\r\n\r\n", "HTTP/1.1 000 x\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n",
	} {
		f.Add([]byte(text))
	}
	c, err := https.Parse("https://receiver.example/hook")
	if err != nil {
		f.Fatal(err)
	}
	c.Keys = fuzzSecret(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		status := 0
		c := c
		c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(text)), r)
			if err == nil {
				status = response.StatusCode
			}
			return response, err
		})
		d, err := https.New(c)
		if err != nil {
			t.Fatal(err)
		}
		failures, err := d.Send(t.Context(), entry())
		if taken := err == nil && len(failures) == 0; taken != (status >= 200 && status < 300) {
			t.Fatalf("status %d: %v, %v", status, failures, err)
		}
		var refusal *bus.Refusal
		if err != nil && (!errors.As(err, &refusal) || refusal.After < 0 || strings.Contains(err.Error()+refusal.Remedy, "canarycanary")) {
			t.Fatalf("%v", err)
		}
	})
}
