package reader_test

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// hosted is the environment of a function in Azure, whose managed identity is one of the tenant.
func hosted(t *testing.T, tenant *simulator.Tenant) []string {
	t.Helper()
	endpoint := httptest.NewServer(tenant.IdentityHandler())
	t.Cleanup(endpoint.Close)
	environ := []string{
		"IDENTITY_ENDPOINT=" + endpoint.URL + simulator.IdentityPath, "IDENTITY_HEADER=" + simulator.IdentityHeader,
		"WEBSITE_SITE_NAME=people", "AZURE_TOKEN_CREDENTIALS=ManagedIdentityCredential",
	}
	for _, one := range environ { // azidentity reads them itself
		name, value, _ := strings.Cut(one, "=")
		t.Setenv(name, value)
	}
	return environ
}

func TestCredentialsAndKeysAreReadFromKeyVault(t *testing.T) {
	tenant, server := start(t)
	ends := time.Now().Add(40 * 24 * time.Hour).Truncate(time.Second)
	tenant.SetVaultSecret("entra", identity(simulator.DefaultClientSecret), ends)
	tenant.SetVaultSecret("seal", strings.Repeat("k", 32), time.Time{})
	vault := "keyvault:" + server.URL + "/secrets/"
	cfg, err := config.Read(append(hosted(t, tenant),
		"ROLLCALL_LOGIN_URL="+server.URL, "ROLLCALL_GRAPH_URL="+server.URL, "ROLLCALL_CREDENTIALS="+vault+"entra", "ROLLCALL_SEAL_KEY="+vault+"seal"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := reader.New(cfg, slog.New(slog.DiscardHandler), reader.WithTransport(server.Transport()))
	if err != nil {
		t.Fatal(err)
	}
	if users, err := r.Graph.Count(t.Context(), r.Request.Query(), new(graph.Stats)); err != nil || users != 1200 {
		t.Errorf("%d users, %v", users, err)
	}
	if id, err := r.Credential.Identity(t.Context()); err != nil || !id.ExpiresAt.Equal(ends) {
		t.Errorf("the secret ends %v, %v; want %v", id.ExpiresAt, err, ends)
	}
	if key, err := r.SealKey(t.Context()); err != nil || len(key) != 32 {
		t.Errorf("a key of %d bytes, %v", len(key), err)
	}
}

func TestAVaultOfAnotherCloudIsRefusedAtTheStart(t *testing.T) {
	for variable, source := range map[string]string{
		"ROLLCALL_CREDENTIALS": "keyvault:https://people.vault.azure.cn/secrets/entra", "ROLLCALL_SEAL_KEY": "keyvault:https://people.evil.example/secrets/seal",
	} {
		cfg, err := config.Read([]string{variable + "=" + source})
		if err != nil {
			t.Fatal(err)
		}
		var wrong *secret.SourceError
		if _, err := reader.New(cfg, slog.New(slog.DiscardHandler)); !errors.As(err, &wrong) || wrong.Name() != "Config.Invalid" {
			t.Errorf("%s: %v", variable, err)
		}
	}
}

func TestAFunctionOfAzureReadsTheListByItsManagedIdentity(t *testing.T) {
	tenant, server := start(t)
	cfg, err := config.Read(config.OnAzure(append(hosted(t, tenant), "ROLLCALL_GRAPH_URL="+server.URL)))
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

func TestARefusalForWantOfAPermissionSaysHowTheIdentityGetsIt(t *testing.T) {
	const users, signIns = "df021288-bdef-4463-88db-98f22de89214", "b0afded3-3588-46d8-8b3d-9842eff778da"
	for name, row := range map[string]struct {
		roles   []string
		columns string
		want    []string
	}{
		"none":           {[]string{}, "id", []string{"User.Read.All", users}},
		"without users":  {[]string{"AuditLog.Read.All"}, "id", []string{"User.Read.All", users}},
		"signInActivity": {[]string{"User.Read.All"}, "id,signInActivity", []string{"signInActivity", "AuditLog.Read.All", signIns}},
		"attributes":     {[]string{"User.Read.All"}, "id,customSecurityAttributes", []string{"customSecurityAttributes", "has the permission User.Read.All"}},
	} {
		t.Run(name, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{Users: 3, Identities: []simulator.Identity{{ClientID: simulator.DefaultIdentity, SystemAssigned: true, Roles: row.roles}}})
			server, err := tenant.Start(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = server.Close() })
			cfg, err := config.Read(config.OnAzure(append(hosted(t, tenant), "ROLLCALL_GRAPH_URL="+server.URL, "ROLLCALL_SELECT="+row.columns)))
			if err != nil {
				t.Fatal(err)
			}
			r, err := reader.New(cfg, slog.New(slog.DiscardHandler), reader.WithTransport(server.Transport()))
			if err != nil {
				t.Fatal(err)
			}
			for _, err = range list.New(r.Graph, r.Request, nil).Users(t.Context()) {
				if err != nil {
					break
				}
			}
			var named interface{ Name() string }
			if !errors.As(err, &named) || named.Name() != "Graph.AccessDenied" {
				t.Fatalf("error %v", err)
			}
			if row.want[len(row.want)-1] == users || row.want[len(row.want)-1] == signIns {
				row.want = append(row.want, "/servicePrincipals/"+tenant.IdentityObject(simulator.DefaultIdentity)+"/appRoleAssignments", "az rest --method POST", "az ad sp show --id 00000003-0000-0000-c000-000000000000", "up to a day")
			}
			for _, part := range row.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v\nlacks %q", err, part)
				}
			}
		})
	}
}
