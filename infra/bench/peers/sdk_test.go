package main

import (
	"context"
	"testing"

	abstractions "github.com/microsoft/kiota-abstractions-go"
	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/rollcall-dev/rollcall/infra/bench/client"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// population is more than three pages, the last one not full.
const population = 3*client.PageSize + 17

// TestMicrosoftsPageIterator trusts both servers from the start, because Go reads
// SSL_CERT_FILE once a process.
func TestMicrosoftsPageIterator(t *testing.T) {
	directory := harness.Start(t, tenant.New(simulator.Config{Users: population}).Start)
	function := harness.Start(t, endpoint.Config{
		Bootstrap: harness.Release(t, "functions/users"), Kind: gateway.HTTPAPI(), Tenant: simulator.Config{Users: population},
	}.Start)
	if err := directory.Trust(function.Gateway.CertPEM); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", directory.Authorities)

	t.Run("reads the simulated tenant to its end", func(t *testing.T) {
		var c census
		c.check(t, each(t.Context(), directory.Access, c.count))
	})
	t.Run("reads the built function to its end", func(t *testing.T) {
		adapter, err := adapt(caller{}, function.Gateway.URL)
		if err != nil {
			t.Fatal(err)
		}
		var c census
		c.check(t, iterate(t.Context(), adapter, c.count))
		if leaks := function.Leaks(); len(leaks) > 0 {
			t.Errorf("the log contains %q", leaks)
		}
	})
}

// caller is an authentication provider for an API that is not Graph's: besides
// the base URL, all that its callers change.
type caller struct{}

func (caller) AuthenticateRequest(_ context.Context, request *abstractions.RequestInformation, _ map[string]interface{}) error {
	request.Headers.Add("Authorization", "Bearer "+endpoint.Token)
	return nil
}

// census counts distinct ids and names.
type census struct {
	seen  map[string]bool
	names int
}

func (c *census) count(user models.Userable) bool {
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
