package graph_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

type oneToken struct{}

func (oneToken) Token(context.Context, string, string) (string, error) { return "canary-token", nil }

func newClient(t *testing.T, tenant *simulator.Tenant, transport http.RoundTripper) *graph.Client {
	t.Helper()
	c, err := graph.New(graph.Config{
		BaseURL: "https://graph.microsoft.com", Tokens: tenant.TokenSource(transport), Transport: transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fault(t *testing.T, name string) simulator.Fault {
	t.Helper()
	f, err := simulator.ParseFault(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func listRequests(tenant *simulator.Tenant) []simulator.Request {
	var list []simulator.Request
	for _, r := range tenant.Requests() {
		if r.Kind == "list" {
			list = append(list, r)
		}
	}
	return list
}

// readAll reads a pager and returns how many users it delivered.
func readAll(ctx context.Context, pager *graph.Pager) (users int, err error) {
	for page, err := range pager.Pages(ctx) {
		if err != nil {
			return users, err
		}
		for _, err := range page.Users() {
			if err != nil {
				return users, err
			}
			users++
		}
	}
	return users, nil
}

// answers is a transport that gives one answer after the other, and the last
// one from then on.
type answers struct {
	all  []answer
	sent []*http.Request
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	a.sent = append(a.sent, r)
	now := a.all[min(len(a.sent), len(a.all))-1]
	if now.header == nil {
		now.header = http.Header{}
	}
	return &http.Response{StatusCode: now.status, Header: now.header, Body: io.NopCloser(strings.NewReader(now.body))}, nil
}

func (a *answers) client(t testing.TB, cfg graph.Config) *graph.Client {
	t.Helper()
	cfg.BaseURL, cfg.Transport = "https://graph.microsoft.com", a
	if cfg.Tokens == nil {
		cfg.Tokens = oneToken{}
	}
	c, err := graph.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// scripted is a transport that answers each request with a status and a body; it
// honours the request's context and takes a tenth of a second.
type scripted func(r *http.Request) (status int, body string)

func (s scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case <-time.After(100 * time.Millisecond):
	}
	status, body := s(r)
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

func (s scripted) client(t *testing.T, attempts int) *graph.Client {
	t.Helper()
	client, err := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: oneToken{}, Transport: s, Attempts: attempts})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestABaseURLThatIsNotAnHTTPSHostIsRefused(t *testing.T) {
	for _, base := range []string{"", "graph.microsoft.com", "http://graph.microsoft.com", "https://graph.microsoft.com/v1.0", "https://u:p@graph.microsoft.com", "https://graph.microsoft.com?x=1", "https://"} {
		if _, err := graph.New(graph.Config{BaseURL: base, Tokens: oneToken{}}); err == nil {
			t.Errorf("%q was accepted", base)
		} else if strings.Contains(err.Error(), "u:p") {
			t.Errorf("%q shows a password: %v", base, err)
		}
	}
}
