package credential_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// keys are made once: that takes longest.
var (
	appKey   = sync.OnceValue(newRSA)
	otherKey = sync.OnceValue(newRSA)
)

func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

// issue makes a certificate of a key, from and until so long from now.
func issue(t *testing.T, key *rsa.PrivateKey, from, until time.Duration) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "rollcall"}, NotBefore: time.Now().Add(from), NotAfter: time.Now().Add(until)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func certPEM(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

func keyPEM(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// stored writes a secret of the simulated app with more fields.
func stored(t *testing.T, tenantID string, more map[string]string) string {
	t.Helper()
	all := map[string]string{"TenantID": tenantID, "ClientID": simulator.DefaultClientID}
	for name, value := range more {
		all[name] = value
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// inEnvironment makes a credential of variables, whose tokens come from a simulated tenant.
func inEnvironment(t *testing.T, tenant *simulator.Tenant, more map[string]string, change ...func(*credential.Config)) *credential.Credential {
	t.Helper()
	variables := map[string]string{"AZURE_TENANT_ID": simulator.DefaultTenant, "AZURE_CLIENT_ID": simulator.DefaultClientID}
	for name, value := range more {
		variables[name] = value
	}
	cfg := credential.Config{
		Source: secret.Source{Scheme: secret.Environment}, Transport: tenant.Transport(), Secrets: secret.Access{AWS: awsOf(tenant)},
		LookupEnv: func(name string) (string, bool) { value, ok := variables[name]; return value, ok },
	}
	for _, f := range change {
		f(&cfg)
	}
	c, err := credential.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bought counts the requests to the token endpoint.
func bought(tenant *simulator.Tenant) (n int) {
	for _, r := range tenant.Requests() {
		if strings.HasSuffix(r.Path, "/oauth2/v2.0/token") {
			n++
		}
	}
	return n
}

func TestAnAppSignsInWithItsCertificate(t *testing.T) {
	for name, make := range map[string]func(*x509.Certificate) map[string]string{
		"PEM": func(c *x509.Certificate) map[string]string {
			return map[string]string{"Certificate": certPEM(c) + keyPEM(t, appKey())}
		},
		"PEM on one line": func(c *x509.Certificate) map[string]string {
			return map[string]string{"client_certificate": strings.ReplaceAll(certPEM(c)+keyPEM(t, appKey()), "\n", `\n`)}
		},
		"the key apart": func(c *x509.Certificate) map[string]string {
			return map[string]string{"certificate": certPEM(c), "private_key": keyPEM(t, appKey())}
		},
		"PFX": func(c *x509.Certificate) map[string]string {
			data, err := pkcs12.Modern2023.Encode(appKey(), c, nil, canary)
			if err != nil {
				t.Fatal(err)
			}
			return map[string]string{"Certificate": base64.StdEncoding.EncodeToString(data), "CertificatePassword": canary}
		},
	} {
		for _, tenantID := range []string{simulator.DefaultTenant, strings.ToUpper(simulator.DefaultTenant), simulator.DefaultDomain} {
			synctest.Test(t, func(t *testing.T) {
				tenant := simulator.New(simulator.Config{})
				cert := issue(t, appKey(), -time.Hour, 90*24*time.Hour)
				tenant.AddCertificate(cert)
				tenant.SetSecret(entry, stored(t, tenantID, make(cert)))
				c := against(t, tenant, "secretsmanager:"+entry)
				first := mustToken(t, c, "", "")
				if again := mustToken(t, c, "", ""); first == "" || again != first || bought(tenant) != 1 {
					t.Errorf("%s: %d tokens", name, bought(tenant))
				}
				// Its assertion would be refused if it were presented twice.
				if next := mustToken(t, c, first, ""); next == first {
					t.Errorf("%s: a refused token came back", name)
				}
				id, err := c.Identity(t.Context())
				if err != nil || id.Method != credential.Certificate || !id.ExpiresAt.Equal(cert.NotAfter) || id.PrivateKey.IsZero() || len(id.Warnings) > 0 {
					t.Errorf("%s: %v, %s, %v", name, id, id.ExpiresAt, err)
				}
				if guid, err := c.Tenant(t.Context()); err != nil || guid != simulator.DefaultTenant {
					t.Errorf("%s: %s, %v", name, guid, err)
				}
			})
		}
	}
}

func TestACertificateIsReadFromTheFileThatAVariableNames(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	cert := issue(t, appKey(), -time.Hour, time.Hour)
	tenant.AddCertificate(cert)
	pfx, err := pkcs12.Modern2023.Encode(appKey(), cert, nil, canary)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "app.pfx")
	variables := map[string]string{"AZURE_CLIENT_CERTIFICATE_PATH": path, "AZURE_CLIENT_CERTIFICATE_PASSWORD": canary}
	for name, content := range map[string][]byte{"PFX": pfx, "PEM": []byte(keyPEM(t, appKey()) + certPEM(cert))} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if mustToken(t, inEnvironment(t, tenant, variables), "", "") == "" {
			t.Error(name)
		}
	}
	if err := os.WriteFile(path, []byte(certPEM(cert)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = inEnvironment(t, tenant, variables).Token(t.Context(), "", "")
	mustContain(t, wantUnread(t, err, secret.Malformed).Error(), "the file of AZURE_CLIENT_CERTIFICATE_PATH holds no private key", "source env:")
	if err := os.WriteFile(path, pfx, 0o600); err != nil {
		t.Fatal(err)
	}
	variables["AZURE_CLIENT_CERTIFICATE_PASSWORD"] = "x"
	_, err = inEnvironment(t, tenant, variables).Token(t.Context(), "", "")
	mustContain(t, wantUnread(t, err, secret.Malformed).Error(), "another password")
	variables["AZURE_CLIENT_CERTIFICATE_PATH"] = filepath.Join(t.TempDir(), "none")
	_, err = inEnvironment(t, tenant, variables).Token(t.Context(), "", "")
	mustContain(t, wantUnread(t, err, secret.Missing).Error(), "AZURE_CLIENT_CERTIFICATE_PATH")
}

func TestACertificateThatEntraWouldRefuseIsExplained(t *testing.T) {
	elliptic, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		key         *rsa.PrivateKey
		from, until time.Duration
		register    bool
		asked       int // the token endpoint
		code        int
		want        []string
	}{
		"expired":       {appKey(), -2 * time.Hour, -time.Hour, true, 0, 0, []string{"expired on 1999-12-31T23:00:00Z", "clock of this machine", "register a new certificate"}},
		"not yet valid": {appKey(), time.Hour, 2 * time.Hour, true, 0, 0, []string{"not valid before 2000-01-01T01:00:00Z", "correct the clock"}},
		"unregistered":  {appKey(), -time.Hour, time.Hour, false, 2, 700027, []string{"is not registered on the app", "Certificates & secrets", simulator.DefaultClientID}},
	} {
		synctest.Test(t, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{})
			cert := issue(t, row.key, row.from, row.until)
			if row.register {
				tenant.AddCertificate(cert)
			}
			tenant.SetSecret(entry, stored(t, simulator.DefaultTenant, map[string]string{"Certificate": certPEM(cert) + keyPEM(t, row.key)}))
			_, err := against(t, tenant, "secretsmanager:"+entry).Token(t.Context(), "", "")
			got := wantError(t, err, credential.Rejected, "Credentials.Rejected")
			if got.Code != row.code || got.Source == "" || bought(tenant) != row.asked {
				t.Errorf("%s: %v after %d requests", name, got, bought(tenant))
			}
			mustContain(t, got.Error(), row.want...)
		})
	}
	tenant := simulator.New(simulator.Config{})
	cert := issue(t, appKey(), -time.Hour, time.Hour)
	for name, row := range map[string]struct{ text, want string }{
		"no key":       {certPEM(cert), "the secret's Certificate holds no private key"},
		"another key":  {certPEM(cert) + keyPEM(t, otherKey()), "does not belong to the certificate"},
		"elliptic key": {certPEM(cert) + keyPEM(t, elliptic), "not an RSA key"},
	} {
		tenant.SetSecret(entry, stored(t, simulator.DefaultTenant, map[string]string{"Certificate": row.text}))
		_, err := against(t, tenant, "secretsmanager:"+entry).Token(t.Context(), "", "")
		if got := wantUnread(t, err, secret.Malformed); !strings.Contains(got.Problem, row.want) || bought(tenant) > 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A certificate is rotated as a client secret is: by what the secret holds.
func TestARotatedCertificateIsPickedUp(t *testing.T) {
	for name, until := range map[string]time.Duration{"removed from the app": time.Hour, "expired": 30 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{TokenLifetime: time.Minute})
			old, fresh := issue(t, appKey(), -time.Hour, until), issue(t, otherKey(), -time.Hour, 48*time.Hour)
			tenant.AddCertificate(old)
			tenant.SetSecret(entry, stored(t, simulator.DefaultTenant, map[string]string{"Certificate": certPEM(old) + keyPEM(t, appKey())}))
			c := against(t, tenant, "secretsmanager:"+entry, func(cfg *credential.Config) { cfg.TTL = 24 * time.Hour })
			first := mustToken(t, c, "", "")
			if until < time.Hour {
				time.Sleep(time.Hour)
			} else {
				tenant.RemoveCertificates()
			}
			tenant.AddCertificate(fresh)
			tenant.SetSecret(entry, stored(t, simulator.DefaultTenant, map[string]string{"Certificate": certPEM(fresh) + keyPEM(t, otherKey())}))
			if next := mustToken(t, c, first, ""); next == first {
				t.Errorf("%s: the same token", name)
			}
		})
	}
}

func TestAClockThatIsWrongIsToldFromEntrasAnswer(t *testing.T) {
	for ahead, want := range map[time.Duration]string{
		11 * time.Minute: "the clock of this machine is 11m0s ahead", -time.Hour: "the clock of this machine is 1h0m0s behind", 0: "outside of its time",
	} {
		synctest.Test(t, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{})
			cert := issue(t, appKey(), -48*time.Hour, 48*time.Hour)
			tenant.SetSecret(entry, stored(t, testTenant, map[string]string{"Certificate": certPEM(cert) + keyPEM(t, appKey())}))
			e := &entra{}
			e.before = func(int, url.Values) (*http.Response, error) {
				resp := refusal401(700024)
				resp.Header.Set("Date", time.Now().Add(-ahead).UTC().Format(http.TimeFormat))
				return resp, nil
			}
			c := against(t, tenant, "secretsmanager:"+entry, func(cfg *credential.Config) { cfg.Transport = e })
			_, err := c.Token(t.Context(), "", "")
			got := wantError(t, err, credential.Rejected, "Credentials.Rejected")
			mustContain(t, got.Error(), want, "correct the clock", "AADSTS700024")
			if ahead == 0 {
				mustNotContain(t, got.Problem, "ahead", "behind")
			}
		})
	}
}

// Many cold starts at once are what Entra ID throttles: each waits as long as it is told,
// and none asks meanwhile.
func TestABurstOfColdStartsWaitsOutTheThrottling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const functions = 20
		fault, err := simulator.ParseFault("token-429x20")
		if err != nil {
			t.Fatal(err)
		}
		tenant := simulator.New(simulator.Config{Faults: []simulator.Fault{fault}})
		cert := issue(t, appKey(), -time.Hour, 48*time.Hour)
		tenant.AddCertificate(cert)
		tenant.SetSecret(entry, stored(t, simulator.DefaultTenant, map[string]string{"Certificate": certPEM(cert) + keyPEM(t, appKey())}))
		var starts sync.WaitGroup
		for range functions {
			starts.Go(func() {
				if _, err := against(t, tenant, "secretsmanager:"+entry).Token(t.Context(), "", ""); err != nil {
					t.Error(err)
				}
			})
		}
		started := time.Now()
		starts.Wait()
		if waited := time.Since(started); waited < time.Minute || waited > 90*time.Second || bought(tenant) != 2*functions {
			t.Errorf("%d requests in %s", bought(tenant), waited)
		}
	})
	synctest.Test(t, func(t *testing.T) { // behind a gateway that waits 29 seconds
		fault, err := simulator.ParseFault("token-429x*")
		if err != nil {
			t.Fatal(err)
		}
		tenant := simulator.New(simulator.Config{Faults: []simulator.Fault{fault}})
		cert := issue(t, appKey(), -time.Hour, 48*time.Hour)
		tenant.SetSecret(entry, stored(t, simulator.DefaultTenant, map[string]string{"Certificate": certPEM(cert) + keyPEM(t, appKey())}))
		ctx, cancel := context.WithTimeout(t.Context(), 29*time.Second)
		defer cancel()
		started := time.Now()
		_, err = against(t, tenant, "secretsmanager:"+entry).Token(ctx, "", "")
		if got := wantError(t, err, credential.Throttled, "Graph.Throttled"); got.RetryAfter != time.Minute || time.Since(started) > time.Second || bought(tenant) != 1 {
			t.Errorf("%v after %s", got, time.Since(started))
		}
	})
}

func TestNothingOfAPrivateKeyGetsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{})
		cert := issue(t, appKey(), -time.Hour, time.Hour)
		text := stored(t, simulator.DefaultTenant, map[string]string{"Certificate": certPEM(cert) + keyPEM(t, appKey()), "CertificatePassword": canary})
		tenant.SetSecret(entry, text)
		var logs strings.Builder
		c := against(t, tenant, "secretsmanager:"+entry, func(cfg *credential.Config) {
			cfg.Log = slog.New(slog.NewJSONHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		_, refused := c.Token(t.Context(), "", "")
		tenant.AddCertificate(cert)
		token := mustToken(t, c, "", "")
		id, err := c.Identity(t.Context())
		if err != nil || refused == nil {
			t.Fatal(err, refused)
		}
		// The modulus comes first in a key, and is in the certificate as well.
		out := logs.String() + prints(t, id) + prints(t, &id) + prints(t, c) + prints(t, refused) + id.String()
		der, err := x509.MarshalPKCS8PrivateKey(appKey())
		if err != nil {
			t.Fatal(err)
		}
		body := base64.StdEncoding.EncodeToString(der)
		wantNoCanary(t, out, canary, token, body[900:940], string(der[600:640]), appKey().D.String()[:40], appKey().Primes[0].String()[:40])
		if logs.Len() == 0 || !strings.Contains(out, id.Certificate.NotAfter.Format("2006")) {
			t.Error("nothing was searched")
		}
	})
}

func TestAnotherWayBesideIsAChoice(t *testing.T) {
	cert := issue(t, appKey(), -time.Hour, time.Hour)
	for name, row := range map[string]struct {
		fields  map[string]string
		method  credential.Method
		warning string
	}{
		"a secret and a certificate": {map[string]string{"ClientSecret": canary, "Certificate": certPEM(cert) + keyPEM(t, appKey())}, credential.ClientSecret, "ClientSecret is used: the Certificate beside it, in Certificate, is not"},
		"a certificate, federation":  {map[string]string{"Certificate": certPEM(cert) + keyPEM(t, appKey()), "Federation": "aws"}, credential.Certificate, "Certificate is used: the Federation beside it"},
		"a certificate, its print":   {map[string]string{"Certificate": certPEM(cert) + keyPEM(t, appKey()), "thumbprint": "8B"}, credential.Certificate, "Certificate is used: the CertificatePath beside it, in thumbprint"},
		"a key of KMS and its own":   {map[string]string{"KMSKeyID": "alias/x", "Certificate": certPEM(cert) + keyPEM(t, appKey())}, credential.KMS, "Certificate holds a private key, which is not used"},
		"a key of a vault, its own":  {map[string]string{"KeyVaultKeyID": vaultKeyURL, "Certificate": certPEM(cert) + keyPEM(t, appKey())}, credential.KeyVault, "Certificate holds a private key, which is not used"},
		"a key of KMS, of a vault":   {map[string]string{"KMSKeyID": "alias/x", "KeyVaultKeyID": vaultKeyURL, "Certificate": certPEM(cert)}, credential.KMS, "KMSKeyID is used: the KeyVaultKeyID beside it"},
		"another expiry":             {map[string]string{"Certificate": certPEM(cert) + keyPEM(t, appKey()), "ExpiresAt": "2040-01-01T00:00:00Z"}, credential.Certificate, ""},
	} {
		id, err := read(t, stored(t, simulator.DefaultTenant, row.fields))
		if err != nil || id.Method != row.method || len(id.Warnings) > 1 || !strings.Contains(strings.Join(id.Warnings, "\n"), row.warning) || (row.warning == "") != (len(id.Warnings) == 0) {
			t.Errorf("%s: %v, %q, %v", name, id, id.Warnings, err)
		}
		if id.Certificate != nil && !id.ExpiresAt.Equal(cert.NotAfter) {
			t.Errorf("%s: ends at %s", name, id.ExpiresAt)
		}
	}
	for text, want := range map[string]string{
		`"thumbprint":"8BDEB513EAC11E9E9DA752EB9D5087F317F6D931"`:               "only says where a certificate is, in thumbprint",
		`"clientCertificatePath":"/x.pem"`:                                      "only says where a certificate is, in clientCertificatePath",
		`"AZURE_FEDERATED_TOKEN_FILE":"/var/run/token"`:                         "says where one is, in AZURE_FEDERATED_TOKEN_FILE",
		`"KMSKeyID":"canary canary"`:                                            "KMSKeyID does not name a KMS key",
		`"KeyVaultKeyID":"canary canary"`:                                       "KeyVaultKeyID is not the URL of a key in Key Vault: it is not an https URL",
		`"KeyVaultKeyID":"https://people.vault.azure.net/secrets/entra"`:        "but of a secret",
		`"AZURE_KEY_VAULT_KEY":"https://people.vault.azure.net/certificates/x"`: "but of a certificate",
		`"Federation":["aws"]`:                                                  "Federation, in Federation, is not a text",
	} {
		_, err := read(t, `{"TenantID":"`+testTenant+`","ClientID":"`+testClient+`",`+text+`}`)
		mustContain(t, wantUnread(t, err, secret.Malformed).Error(), want)
	}
}
