package reader_test

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestAFunctionOfAzureReadsTheListByItsManagedIdentity(t *testing.T) {
	tenant, server := start(t)
	endpoint := httptest.NewServer(tenant.IdentityHandler())
	t.Cleanup(endpoint.Close)
	t.Setenv("IDENTITY_ENDPOINT", endpoint.URL+simulator.IdentityPath) // which azidentity reads itself
	t.Setenv("IDENTITY_HEADER", simulator.IdentityHeader)
	cfg, err := config.Read(config.OnAzure([]string{"ROLLCALL_GRAPH_URL=" + server.URL, "IDENTITY_ENDPOINT=" + endpoint.URL + simulator.IdentityPath, "WEBSITE_SITE_NAME=people"}))
	if err != nil {
		t.Fatal(err)
	}
	r, err := reader.New(cfg, slog.New(slog.DiscardHandler), reader.WithTransport(server.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	listing := list.New(r.Graph, r.Request, nil)
	for _, err := range listing.Users(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := listing.Report(); got.Users != 1200 || !got.Verified {
		t.Errorf("%+v", got)
	}
	if guid, err := r.Credential.Tenant(t.Context()); err != nil || guid != simulator.DefaultTenant {
		t.Errorf("tenant %q, %v", guid, err)
	}
	var needed *config.Error
	if key, err := r.SealKey(t.Context()); !errors.As(err, &needed) || needed.Problems[0].Variable != "ROLLCALL_SEAL_KEY" {
		t.Errorf("a key of %d bytes is derived from an identity that keeps no secret: %v", len(key), err)
	}
}
