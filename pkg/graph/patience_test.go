package graph_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

// failing is a transport that answers after so many requests that failed with err.
type failing struct {
	err   error
	times int
	sent  int
}

func (f *failing) RoundTrip(*http.Request) (*http.Response, error) {
	if f.sent++; f.sent <= f.times {
		return nil, f.err
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("7"))}, nil
}

func counting(t *testing.T, transport http.RoundTripper, cfg graph.Config) error {
	t.Helper()
	cfg.BaseURL, cfg.Tokens, cfg.Transport = "https://graph.microsoft.com", oneToken{}, transport
	client, err := graph.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Count(t.Context(), graph.Query{}, new(graph.Stats))
	return err
}

func refusedConnection() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}

func TestAHostThatCannotBeReachedFailsSoonWhereSomebodyWaits(t *testing.T) {
	for name, err := range map[string]error{
		"refused":       refusedConnection(),
		"no such host":  &net.DNSError{Err: "no such host", IsNotFound: true},
		"no name found": &net.DNSError{Err: "server misbehaving", IsTemporary: true},
		"no route":      &net.OpError{Op: "dial", Net: "tcp", Err: syscall.EHOSTUNREACH},
		"no TLS":        tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"},
		"plain HTTP":    http.ErrSchemeMismatch,
		"reset":         &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET},
		"something":     errors.New("something else"),
	} {
		synctest.Test(t, func(t *testing.T) {
			started, transport := time.Now(), &failing{err: err, times: 100}
			if err := counting(t, transport, graph.Config{Impatient: true}); err == nil || time.Since(started) > 2*time.Second || transport.sent > 2 {
				t.Errorf("%s: %d requests in %s, %v", name, transport.sent, time.Since(started), err)
			}
		})
	}
}

func TestAFunctionIsPatientWithAHostThatRefusesConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &failing{err: refusedConnection(), times: 8}
		if err := counting(t, transport, graph.Config{}); err != nil {
			t.Errorf("%d requests, %v", transport.sent, err)
		}
	})
}

func TestAHostThatHasAnsweredIsWaitedForAlsoWhereSomebodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &failing{err: refusedConnection()}
		client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: oneToken{}, Transport: transport, Impatient: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, times := range []int{0, 8} {
			transport.sent, transport.times = 0, times
			if _, err := client.Count(t.Context(), graph.Query{}, new(graph.Stats)); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAnHTMLPageIsNamedAfterTheFirstTryWithItsHost(t *testing.T) {
	const page = "\n<!DOCTYPE html><html><body>anna.canary, sign in</body></html>"
	for name, a := range map[string]answer{
		"said":                  {status: 200, header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, body: page},
		"said, and JSON inside": {status: 200, header: http.Header{"Content-Type": {"TEXT/HTML"}}, body: `{"value":[]}`},
		"not said":              {status: 200, body: page},
		"not found":             {status: 404, header: http.Header{"Content-Type": {"text/html"}}, body: page},
	} {
		t.Run(name, func(t *testing.T) {
			for _, read := range []func(c *graph.Client) error{
				func(c *graph.Client) error {
					_, err := c.Count(t.Context(), graph.Query{}, new(graph.Stats))
					return err
				},
				func(c *graph.Client) error {
					_, err := c.User(t.Context(), "7", graph.Query{})
					return err
				},
				func(c *graph.Client) error {
					_, err := readAll(t.Context(), c.Pager(graph.Query{}))
					return err
				},
				func(c *graph.Client) error {
					_, err := c.DeltaLink(t.Context(), nil, new(graph.Stats))
					return err
				},
			} {
				transport := &answers{all: []answer{a}}
				err := read(transport.client(t, graph.Config{}))
				if err == nil || !strings.Contains(err.Error(), "graph.microsoft.com answered with an HTML page") || strings.Contains(err.Error(), "canary") || len(transport.sent) != 1 {
					t.Errorf("%d requests: %v", len(transport.sent), err)
				}
			}
		})
	}
}

func TestAnHTMLPageOfAHostThatHasAnsweredIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		html := answer{status: 200, header: http.Header{"Content-Type": {"text/html"}}, body: "<html>"}
		transport := &answers{all: []answer{{status: 200, body: "7"}, html, html, {status: 200, body: "8"}}}
		client := transport.client(t, graph.Config{})
		for range 2 {
			if _, err := client.Count(t.Context(), graph.Query{}, new(graph.Stats)); err != nil {
				t.Error(err)
			}
		}
	})
}

// dripping is a transport whose body comes in pieces of so many bytes, one in a time.
type dripping struct {
	body  string
	bytes int
	every time.Duration
}

func (d dripping) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(&drip{d, strings.NewReader(d.body), 0})}, nil
}

type drip struct {
	dripping
	from *strings.Reader
	left int // of the present piece
}

func (d *drip) Read(b []byte) (int, error) {
	if d.left == 0 {
		time.Sleep(d.every)
		d.left = d.bytes
	}
	n, err := d.from.Read(b[:min(len(b), d.left)])
	d.left -= n
	return n, err
}

func TestAPageThatTricklesHasABound(t *testing.T) {
	whole := `{"value":[` + someone + strings.Repeat(`,`+someone, 2000) + `]}`
	for name, c := range map[string]struct {
		dripping
		fails bool
	}{
		"a byte a second":       {dripping{whole, 1, time.Second}, true},
		"500 bytes a second":    {dripping{whole, 500, time.Second}, true},
		"2,048 bytes a second":  {dripping{whole, 2048, time.Second}, false},
		"much, every 20 s":      {dripping{whole, 64 << 10, 20 * time.Second}, false},
		"little, but all of it": {dripping{`{"value":[]}`, 1, time.Second}, false},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: oneToken{}, Transport: c.dripping, Attempts: 1})
			if err != nil {
				t.Fatal(err)
			}
			started := time.Now()
			_, err = readAll(t.Context(), client.Pager(graph.Query{}))
			if (err != nil) != c.fails || err != nil && !strings.Contains(err.Error(), "too slowly") {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(started); c.fails && took > 31*time.Second {
				t.Errorf("%s: it took %s", name, took)
			}
		})
	}
}

func TestWhoReadsAListSlowlyDoesNotMakeItTrickle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := `{"value":[` + someone + strings.Repeat(`,`+someone, 300) + `]}`
		client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: oneToken{}, Transport: dripping{body, 1000, time.Second}, Attempts: 1})
		if err != nil {
			t.Fatal(err)
		}
		for page, err := range client.Pager(graph.Query{}).Pages(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range page.Users() {
				if err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
			}
		}
	})
}

func TestEveryWaitIsALineForWhoWatches(t *testing.T) {
	for name, c := range map[string]struct {
		transport http.RoundTripper
		want      []string
	}{
		"throttled": {
			&answers{all: []answer{{status: 429, header: http.Header{"Retry-After": {"17"}}, body: `{"error":{"code":"TooManyRequests","message":"anna.canary"}}`}, {status: 200, body: "7"}}},
			[]string{"graph.microsoft.com: Graph answered 429 TooManyRequests; waiting 17s before try 2 of 10; nothing to do: Graph limits how much is read at a time"},
		},
		"refused by mistake": {&answers{all: []answer{{status: 401}, {status: 200, body: "7"}}}, []string{"graph.microsoft.com: Graph refused the token; waiting "}},
		"unavailable":        {&answers{all: []answer{{status: 503}, {status: 200, body: "7"}}}, []string{"Graph answered 503; waiting "}},
		"not a number":       {&answers{all: []answer{{status: 200, body: "anna.canary"}, {status: 200, body: "7"}}}, []string{"the count is not a number; waiting "}},
		"unreachable":        {&failing{err: refusedConnection(), times: 1}, []string{"connection refused; waiting "}},
		"silent for a minute": {
			roundTrip(func(r *http.Request) (*http.Response, error) {
				time.Sleep(time.Minute)
				return (&answers{all: []answer{{status: 200, body: "7"}}}).RoundTrip(r)
			}),
			[]string{"graph.microsoft.com: no response in 20s; waiting 1m20s; nothing to do: the request is repeated if none comes"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					mu    sync.Mutex
					lines []string
				)
				err := counting(t, c.transport, graph.Config{OnPause: func(p retry.Pause) {
					mu.Lock()
					defer mu.Unlock()
					lines = append(lines, p.String())
				}})
				mu.Lock()
				defer mu.Unlock()
				if err != nil || len(lines) != len(c.want) {
					t.Fatalf("%v, %q", err, lines)
				}
				for i, line := range lines {
					if !strings.Contains(line, c.want[i]) || strings.Contains(line, "canary") || strings.Contains(line, "\n") {
						t.Errorf("%q, want %q", line, c.want[i])
					}
				}
			})
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }

func TestAWaitForTheQuotaIsALineToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := &answers{all: []answer{{status: 200, header: http.Header{"X-Ms-Throttle-Limit-Percentage": {"0.9"}}, body: "7"}}}
		var lines []string
		client := transport.client(t, graph.Config{OnPause: func(p retry.Pause) { lines = append(lines, p.String()) }})
		for range 2 {
			if _, err := client.Count(t.Context(), graph.Query{}, new(graph.Stats)); err != nil {
				t.Error(err)
			}
		}
		if len(lines) != 1 || !strings.Contains(lines[0], "graph.microsoft.com: the quota of requests is nearly used up; waiting 2s") {
			t.Errorf("%q", lines)
		}
	})
}
