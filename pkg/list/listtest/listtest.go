// Package listtest is what the tests of lists and of snapshots share.
package listtest

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// Columns are the named columns, an optional one with a question mark; without names
// six that every tenant has.
func Columns(names ...string) []property.Column {
	if len(names) == 0 {
		names = []string{"id", "userPrincipalName", "displayName", "mail", "department", "accountEnabled"}
	}
	var all []property.Column
	for _, name := range names {
		name, optional := strings.CutSuffix(name, "?")
		all = append(all, property.Column{Name: name, Optional: optional})
	}
	return all
}

// Request asks for everyone, in pages of 100.
func Request() list.Request {
	return list.Request{Columns: Columns(), PageSize: 100}
}

// Parallel is Request in n partitions.
func Parallel(n int) list.Request {
	r := Request()
	r.Parallel = n
	return r
}

// Faults are the named faults of the simulated tenant.
func Faults(t *testing.T, names ...string) []simulator.Fault {
	t.Helper()
	var all []simulator.Fault
	for _, name := range names {
		f, err := simulator.ParseFault(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

// Client returns a client of the tenant. Where cfg has no transport or no tokens, they
// are the tenant's own.
func Client(t testing.TB, tenant *simulator.Tenant, cfg graph.Config) *graph.Client {
	t.Helper()
	cfg.BaseURL = "https://graph.microsoft.com"
	if cfg.Transport == nil {
		cfg.Transport = tenant.Transport()
	}
	if cfg.Tokens == nil {
		cfg.Tokens = tenant.TokenSource(tenant.Transport())
	}
	client, err := graph.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// Intercept returns a transport that asks answer for the response to each request, and
// next where answer returns nil.
func Intercept(next http.RoundTripper, answer func(*http.Request) *http.Response) http.RoundTripper {
	return &interceptor{next, answer}
}

type interceptor struct {
	next   http.RoundTripper
	answer func(*http.Request) *http.Response
}

func (i *interceptor) RoundTrip(r *http.Request) (*http.Response, error) {
	response := i.answer(r)
	if response == nil {
		return i.next.RoundTrip(r)
	}
	if err := r.Context().Err(); err != nil { // over while answer slept
		return nil, err
	}
	return response, nil
}

// Respond returns a response with the status and the body.
func Respond(r *http.Request, status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

// RefuseDelta answers a delta query as a tenant does that has none, and other requests
// with nil.
func RefuseDelta(r *http.Request) *http.Response {
	if !strings.HasSuffix(r.URL.Path, "/users/delta") {
		return nil
	}
	return Respond(r, http.StatusBadRequest, `{"error":{"code":"Request_UnsupportedQuery","message":"no delta here"}}`)
}

// IsList reports whether r asks for a page of users, rather than for their count or for
// a token.
func IsList(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/users") }
