package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/microsoftgraph/msgraph-sdk-go/models"

	"github.com/rollcall-dev/rollcall/infra/e2e/client"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// population is more than three pages, the last one not full.
const population = 3*client.PageSize + 17

func TestMicrosoftsPageIteratorReadsTheSimulatedTenantToItsEnd(t *testing.T) {
	tenant := simulator.New(simulator.Config{Users: population})
	server, err := tenant.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	authority := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authority, server.CAPEM, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", authority)

	seen := map[string]bool{}
	names := 0
	err = each(t.Context(), client.Tenant{
		URL: server.URL, ID: tenant.Config().Tenant, ClientID: tenant.Config().ClientID, ClientSecret: tenant.Config().ClientSecret,
	}, func(user models.Userable) bool {
		if id := user.GetId(); id != nil {
			seen[*id] = true
		}
		if name := user.GetUserPrincipalName(); name != nil && *name != "" {
			names++
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != population || names != population {
		t.Errorf("the SDK read %d distinct ids and %d names, want %d", len(seen), names, population)
	}
}
