package credential_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/keyvault"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const vaultKeyURL = "https://people.vault.azure.net/keys/rollcall"

// vaults are those that a managed identity of the tenant signs in to. It cannot sign in as
// the app, whose assertions the keys are there for.
func vaults(t *testing.T, tenant *simulator.Tenant, transport http.RoundTripper) *keyvault.Vaults {
	t.Helper()
	lookup := platform(t, map[string]string{"AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential"})
	return &keyvault.Vaults{Domain: "vault.azure.net", Transport: transport, Credential: func() (azcore.TokenCredential, error) {
		return credential.Default(credential.Config{Transport: tenant.Transport(), LookupEnv: lookup})
	}}
}

func withVaults(v *keyvault.Vaults) func(*credential.Config) {
	return func(cfg *credential.Config) { cfg.Vaults = v }
}

// vaultKey makes a version of a key in the tenant's vault and returns its URL.
func vaultKey(t *testing.T, tenant *simulator.Tenant, kind string) string {
	t.Helper()
	version, err := tenant.AddVaultKey("rollcall", kind)
	if err != nil {
		t.Fatal(err)
	}
	return vaultKeyURL + "/" + version
}

// vaultSecret makes and registers a certificate around the key with a URL, and a secret that
// has it and names a key.
func vaultSecret(t *testing.T, tenant *simulator.Tenant, url, named string) string {
	t.Helper()
	key, err := vaults(t, tenant, tenant.Transport()).Key(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return stored(t, simulator.DefaultTenant, map[string]string{"KeyVaultKeyID": named, "Certificate": registered(t, tenant, key)})
}

func TestAnAppSignsInWithAKeyThatNoVaultGivesAway(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	first := vaultKey(t, tenant, "RSA-HSM")
	tenant.SetSecret("versioned", vaultSecret(t, tenant, first, first))
	tenant.SetSecret("unversioned", vaultSecret(t, tenant, first, vaultKeyURL))
	tenant.SetVaultSecret("entra", vaultSecret(t, tenant, first, first+"/"), time.Time{})
	vaultKey(t, tenant, "RSA") // a rotation, of which the app registration knows nothing yet
	for _, source := range []string{"secretsmanager:versioned", "secretsmanager:unversioned", "keyvault:https://people.vault.azure.net/secrets/entra"} {
		v := vaults(t, tenant, tenant.Transport())
		c := against(t, tenant, source, withVaults(v), func(cfg *credential.Config) { cfg.Secrets.Vault = v })
		token := mustToken(t, c, "", "")
		if next := mustToken(t, c, token, ""); token == "" || next == token {
			t.Errorf("%s: the same token", source)
		}
		id, err := c.Identity(t.Context())
		if err != nil || id.Method != credential.KeyVault || !strings.Contains(first+"/", id.SigningKey) || !id.PrivateKey.IsZero() || time.Until(id.ExpiresAt) < time.Hour {
			t.Errorf("%s: %v, %v", source, id, err)
		}
		mustContain(t, id.String(), ", by the certificate ", " of the Key Vault key "+id.SigningKey)
	}
}

func TestAVaultKeyThatDoesNotSignIsExplainedBeforeEntraIsAsked(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	url := vaultKey(t, tenant, "RSA")
	good := vaultSecret(t, tenant, url, url)
	second := vaultKey(t, tenant, "RSA")
	elliptic := vaultKey(t, tenant, "EC")
	of := func(named string) string { return strings.ReplaceAll(good, url, named) }
	for name, row := range map[string]struct {
		secret, refusal string
		errs            string
		want            []string
	}{
		"denied":          {good, "ForbiddenByRbac", "Credentials.Missing", []string{"may not sign with the Key Vault key " + url, "Key Vault Crypto User", "source secretsmanager:" + entry}},
		"firewall":        {good, "ForbiddenByFirewall", "Credentials.Missing", []string{"the firewall of the vault"}},
		"throttled":       {good, "Throttled", "Graph.Unavailable", []string{"Key Vault is throttling", "try again later"}},
		"elliptic":        {of(elliptic), "", "Credentials.Missing", []string{elliptic + " is not an RSA key"}},
		"another version": {of(second), "", "Credentials.Missing", []string{"the Key Vault key " + second + " is not the one that the certificate was made for"}},
		"another cloud's": {of("https://people.vault.azure.cn/keys/rollcall"), "", "Credentials.Missing", []string{"KeyVaultKeyID names a host that is not <vault>.vault.azure.net", "ROLLCALL_CLOUD"}},
		"another host's":  {of("https://evil.example/keys/rollcall"), "", "Credentials.Missing", []string{"KeyVaultKeyID names a host"}},
		"no such key":     {of("https://people.vault.azure.net/keys/other"), "", "Credentials.Missing", []string{"keys/other, or the version asked for, is not in the vault"}},
	} {
		made := time.Now()
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(made)) // the certificate is of now, and the clock here of 2000
			tenant.SetSecret(entry, row.secret)
			if err := tenant.RefuseVaultKey("rollcall", row.refusal); err != nil {
				t.Fatal(err)
			}
			asked := &recorder{to: tenant.Transport()}
			_, err := against(t, tenant, "secretsmanager:"+entry, withVaults(vaults(t, tenant, asked))).Token(t.Context(), "", "")
			var named interface{ Name() string }
			if !errors.As(err, &named) || named.Name() != row.errs || bought(tenant) != 0 {
				t.Fatalf("%s: %v", name, err)
			}
			mustContain(t, err.Error(), row.want...)
			wantNoCanary(t, err.Error(), "eyJ", "Caller is not authorized")
			for _, req := range asked.requests {
				if req.URL.Host != "people.vault.azure.net" {
					t.Errorf("%s: a request goes to %s", name, req.URL)
				}
			}
		})
	}
	_, err := against(t, tenant, "secretsmanager:"+entry).Token(t.Context(), "", "")
	mustContain(t, wantUnread(t, err, secret.Malformed).Error(), "uses no key vaults")
}

func TestWithoutATokenForTheVaultThereIsNoneForGraph(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	url := vaultKey(t, tenant, "RSA")
	tenant.SetSecret(entry, vaultSecret(t, tenant, url, url))
	v := &keyvault.Vaults{Domain: "vault.azure.net", Transport: tenant.Transport(), Credential: func() (azcore.TokenCredential, error) {
		return credential.Default(credential.Config{Transport: tenant.Transport(), LookupEnv: variablesOf("AZURE_TOKEN_CREDENTIALS=EnvironmentCredential")})
	}}
	_, err := against(t, tenant, "secretsmanager:"+entry, withVaults(v)).Token(t.Context(), "", "")
	var e *secret.Error
	if !errors.As(err, &e) || bought(tenant) != 0 {
		t.Fatal(err)
	}
	mustContain(t, err.Error(), "no token for Key Vault", "AZURE_TOKEN_CREDENTIALS")
}

func TestAKeyThatWasReplacedIsPickedUp(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	url := vaultKey(t, tenant, "RSA")
	tenant.SetSecret(entry, vaultSecret(t, tenant, url, url))
	c := against(t, tenant, "secretsmanager:"+entry, withVaults(vaults(t, tenant, tenant.Transport())))
	first := mustToken(t, c, "", "")
	next := vaultKey(t, tenant, "RSA")
	tenant.SetSecret(entry, vaultSecret(t, tenant, next, next))
	if err := tenant.ChangeVaultKey("rollcall", url[strings.LastIndexByte(url, '/')+1:], simulator.VaultKeyState{Disabled: true}); err != nil {
		t.Fatal(err)
	}
	mustToken(t, c, first, "")
	if id, err := c.Identity(t.Context()); err != nil || id.SigningKey != next {
		t.Errorf("%v, %v", id, err)
	}
}
