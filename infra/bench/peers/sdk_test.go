package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/rollcall-dev/rollcall/infra/bench/client"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/build"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/stage"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// population is more than three pages, the last one not full.
const population = 3*client.PageSize + 17

// TestMicrosoftsPageIterator trusts two servers from the start: Go reads
// SSL_CERT_FILE once a process.
func TestMicrosoftsPageIterator(t *testing.T) {
	tenant := simulator.New(simulator.Config{Users: population})
	server, err := tenant.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	function := function(t)
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, slices.Concat(server.CAPEM, function.Gateway.CertPEM), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", authority)

	t.Run("reads the simulated tenant to its end", func(t *testing.T) {
		var c census
		err := each(t.Context(), client.Tenant{
			URL: server.URL, ID: tenant.Config().Tenant, ClientID: tenant.Config().ClientID, ClientSecret: tenant.Config().ClientSecret,
		}, c.take)
		c.check(t, err)
	})
	t.Run("reads the built function to its end", func(t *testing.T) {
		adapter, err := adapt(caller{}, function.Gateway.URL)
		if err != nil {
			t.Fatal(err)
		}
		var c census
		c.check(t, iterate(t.Context(), adapter, c.take))
		if leaks := function.Leaks(); len(leaks) > 0 {
			t.Errorf("the log holds %q", leaks)
		}
	})
}

// function is the built function behind an HTTP API.
func function(t *testing.T) *stage.Stage {
	t.Helper()
	bootstrap := filepath.Join(t.TempDir(), "bootstrap")
	if err := build.Release(t.Context(), "functions/users", "", bootstrap); err != nil {
		t.Fatal(err)
	}
	s, err := stage.Start(t.Context(), stage.Config{
		Bootstrap: bootstrap, Kind: gateway.HTTPAPI(), Tenant: simulator.Config{Users: population},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// caller is an authentication provider for an API that is not Graph's: besides
// the base URL, all that its callers change.
type caller struct{}

func (caller) AuthenticateRequest(_ context.Context, request *abstractions.RequestInformation, _ map[string]interface{}) error {
	request.Headers.Add("Authorization", "Bearer "+stage.Token)
	return nil
}

// census counts distinct ids and names.
type census struct {
	seen  map[string]bool
	names int
}

func (c *census) take(user models.Userable) bool {
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	if id := user.GetId(); id != nil {
		c.seen[*id] = true
	}
	if name := user.GetUserPrincipalName(); name != nil && *name != "" {
		c.names++
	}
	return true
}

func (c *census) check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if len(c.seen) != population || c.names != population {
		t.Errorf("the SDK read %d distinct ids and %d names, want %d", len(c.seen), c.names, population)
	}
}
