package https_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/bus/https"
	"github.com/rollcall-dev/rollcall/pkg/signature"
)

// serve is a real server on loopback, and a pool that trusts it.
func serve(t *testing.T, h http.HandlerFunc) (address string, pool *x509.CertPool) {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	pool = x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return server.URL, pool
}

func refusal(t *testing.T, cfg https.Config) *bus.Refusal {
	t.Helper()
	cfg.Keys = []signature.Key{secret(t, exampleSecret)}
	d, err := https.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Send(t.Context(), []bus.Entry{{ID: "e1", Body: []byte(`{}`)}})
	if err == nil {
		return nil
	}
	var r *bus.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("error %v (%T)", err, err)
	}
	if strings.Contains(r.Error(), "t0ken") {
		t.Errorf("the error shows the query: %v", r)
	}
	return r
}

func TestAHostThatIsPlainlyPrivateIsRefusedAtOnce(t *testing.T) {
	for _, address := range []string{
		"https://127.0.0.1/", "https://localhost/", "https://LOCALHOST:8443/", "https://a.localhost/x",
		"https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest",
	} {
		if _, err := https.New(https.Config{Target: target(t, address), Keys: []signature.Key{secret(t, exampleSecret)}}); err == nil {
			t.Errorf("%s is taken", address)
		}
	}
}

func TestAHostThatIsNotSpelledPlainlyIsRefusedWithoutQuotingTheURL(t *testing.T) {
	for _, address := range []string{
		"https://localho\u017ft/t0ken", "https://\u2110localhost/t0ken", "https://receiver.m\u0130crosoft.com/t0ken", "https://receiver.m%C4%B0crosoft.com/t0ken",
		"https://a.localhost./t0ken", "https://receiver.example.:443/t0ken", "https://127.1/t0ken", "https://2130706433/t0ken", "https://0x7f.0.0.1/t0ken",
		"https://[fe80::1%25eth0]/t0ken", "https://receiver.example:/t0ken", "https://receiver.example:0443/t0ken", "https://receiver\u3002example/t0ken",
	} {
		if _, err := https.Parse(address); err == nil || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%+q: %v", address, err)
		}
	}
}

func TestAPrivateTargetIsPostedToWhenAllowed(t *testing.T) {
	var calls atomic.Int32
	address, pool := serve(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	if r := refusal(t, https.Config{Target: target(t, address), RootCAs: pool, AllowPrivate: true}); r != nil || calls.Load() != 1 {
		t.Errorf("refusal %v, %d calls", r, calls.Load())
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var calls atomic.Int32
	address, pool := serve(t, func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	r := refusal(t, https.Config{Target: target(t, address), RootCAs: pool, AllowPrivate: true})
	if r == nil || r.Retry || calls.Load() != 1 || !strings.Contains(r.Remedy, "redirect") {
		t.Errorf("refusal %v, %d calls", r, calls.Load())
	}
}

func TestAnUntrustedCertificateIsNotRetried(t *testing.T) {
	address, _ := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("called") })
	r := refusal(t, https.Config{Target: target(t, address+"/?t0ken"), AllowPrivate: true})
	if r == nil || r.Retry || !strings.Contains(r.Problem, "certificate") {
		t.Errorf("refusal %v", r)
	}
}

func TestABrokenConnectionIsRetried(t *testing.T) {
	address, pool := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	r := refusal(t, https.Config{Target: target(t, address+"/?t0ken"), RootCAs: pool, AllowPrivate: true})
	if r == nil || !r.Retry {
		t.Errorf("refusal %v", r)
	}
}

func TestAnEndlessReplyIsNotReadToItsEnd(t *testing.T) {
	address, pool := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write(make([]byte, 32<<10))
		}
	})
	if r := refusal(t, https.Config{Target: target(t, address), RootCAs: pool, AllowPrivate: true}); r != nil {
		t.Errorf("refusal %v", r)
	}
}

func TestAProxyIsDialledInsteadOfTheTarget(t *testing.T) {
	var asked atomic.Value
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.Method + " " + r.Host)
		w.WriteHeader(http.StatusBadGateway)
	}))
	t.Cleanup(proxy.Close)
	through := func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }
	r := refusal(t, https.Config{Target: target(t, "https://receiver.example.com/?t0ken"), Proxy: through})
	if r == nil || asked.Load() != "CONNECT receiver.example.com:443" {
		t.Errorf("refusal %v, the proxy was asked %v", r, asked.Load())
	}
	if _, err := https.New(https.Config{
		Target: target(t, "https://10.0.0.1/"), Proxy: through, Keys: []signature.Key{secret(t, exampleSecret)},
	}); err == nil {
		t.Error("a private address behind a proxy is taken")
	}
	broken := func(*http.Request) (*url.URL, error) { return nil, errors.New("http://user:passw0rd@proxy") }
	if _, err := https.New(https.Config{
		Target: target(t, "https://receiver.example.com/"), Proxy: broken, Keys: []signature.Key{secret(t, exampleSecret)},
	}); err == nil || strings.Contains(err.Error(), "passw0rd") {
		t.Errorf("error %v", err)
	}
}

func TestTheStatusDecidesWhetherToRetry(t *testing.T) {
	for status, again := range map[int]bool{
		301: false, 308: false, 400: false, 401: false, 403: false, 404: false, 409: false, 410: false, 413: false, 422: false,
		408: true, 429: true, 500: true, 502: true, 503: true, 504: true, 599: true,
	} {
		handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		r := refusal(t, https.Config{Target: target(t, "https://receiver.example.com/"), Transport: bustest.Transport{Handler: handler}})
		if r == nil || r.Retry != again || !again && r.Remedy == "" {
			t.Errorf("%d: %+v", status, r)
		}
	}
	for _, status := range []int{200, 201, 202, 204} {
		handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
		if r := refusal(t, https.Config{Target: target(t, "https://receiver.example.com/"), Transport: bustest.Transport{Handler: handler}}); r != nil {
			t.Errorf("%d: %v", status, r)
		}
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	for name, row := range map[string]struct {
		header func() string
		want   time.Duration
	}{
		"seconds":  {func() string { return "90" }, 90 * time.Second},
		"decimals": {func() string { return "1.5" }, 1500 * time.Millisecond},
		"date":     {func() string { return time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat) }, 90 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					if calls++; calls == 1 {
						w.Header().Set("Retry-After", row.header())
						w.WriteHeader(http.StatusTooManyRequests)
					}
				})
				d, err := https.New(https.Config{
					Target: target(t, "https://receiver.example.com/"), Keys: []signature.Key{secret(t, exampleSecret)},
					Transport: bustest.Transport{Handler: handler},
				})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				start := time.Now()
				p := bus.New(d, bus.Options{Log: slog.New(slog.DiscardHandler)})
				if err := p.Publish(ctx, bustest.User(1, 0)); err != nil {
					t.Fatal(err)
				}
				if err := p.Flush(ctx); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(start); (took-row.want).Abs() > time.Second || took < time.Second || calls != 2 {
					t.Errorf("%d calls in %s, want %s", calls, took, row.want)
				}
			})
		})
	}
}

func TestParseTakesHTTPSURLs(t *testing.T) {
	const address = "https://receiver.example.com:8443/hook/t0ken?key=t0ken"
	if got := target(t, address).String(); got != "https://receiver.example.com:8443" {
		t.Errorf("it prints as %s", got)
	}
	for _, address := range []string{
		"", "receiver.example.com", "http://receiver.example.com/t0ken", "https:///t0ken", "https://user:t0ken@receiver.example.com",
		"https://receiver.example.com/#t0ken", "https://receiver.example.com:t0ken/", "ftp://receiver.example.com",
	} {
		if _, err := https.Parse(address); err == nil || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
