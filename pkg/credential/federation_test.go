package credential_test

import (
	"context"
	"crypto/rsa"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/certificate"
	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/kms"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const exchange = "api://AzureADTokenExchange"

// federated is the secret of an app that has none.
func federated(t *testing.T) string {
	t.Helper()
	return stored(t, simulator.DefaultTenant, map[string]string{"Federation": "aws"})
}

func TestAnAppSignsInWithoutAnySecretWhereAWSVouchesForIt(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	tenant.AddFederatedCredential(tenant.WebIdentity(exchange))
	tenant.SetSecret(entry, federated(t))
	for name, c := range map[string]*credential.Credential{
		"by a secret":    against(t, tenant, "secretsmanager:"+entry),
		"by variables":   inEnvironment(t, tenant, map[string]string{"ROLLCALL_FEDERATION": "aws"}),
		"with a domain":  inEnvironment(t, tenant, map[string]string{"ROLLCALL_FEDERATION": "AWS", "AZURE_TENANT_ID": simulator.DefaultDomain}),
		"in upper cases": inEnvironment(t, tenant, map[string]string{"ROLLCALL_FEDERATION": "aws", "AZURE_TENANT_ID": strings.ToUpper(simulator.DefaultTenant)}),
	} {
		first := mustToken(t, c, "", "")
		if next := mustToken(t, c, first, ""); first == "" || next == first {
			t.Errorf("%s: the same token", name)
		}
		id, err := c.Identity(t.Context())
		if err != nil || id.Method != credential.AWS || !strings.Contains(id.String(), "by federation with AWS") || !id.ExpiresAt.IsZero() {
			t.Errorf("%s: %v, %v", name, id, err)
		}
	}
}

func TestTheAudienceOfAWSTokensFollowsTheCloud(t *testing.T) {
	for _, own := range cloud.All() {
		tenant := simulator.New(simulator.Config{Hosts: []string{strings.TrimPrefix(own.GraphURL, "https://")}})
		tenant.AddFederatedCredential(tenant.WebIdentity(own.TokenExchange))
		c := inEnvironment(t, tenant, map[string]string{"ROLLCALL_FEDERATION": "aws"}, func(cfg *credential.Config) { cfg.Cloud = own })
		if mustToken(t, c, "", "") == "" {
			t.Error(own.Name)
		}
	}
}

func TestANewFederatedCredentialIsTriedAgainWhileItPropagates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{SecretPropagation: 10 * time.Minute})
		tenant.AddFederatedCredential(tenant.WebIdentity(exchange))
		var logs strings.Builder
		c := inEnvironment(t, tenant, map[string]string{"ROLLCALL_FEDERATION": "aws"}, func(cfg *credential.Config) {
			cfg.Log = slog.New(slog.NewJSONHandler(&logs, nil))
		})
		token := mustToken(t, c, "", "")
		if bought(tenant) != 2 || strings.Count(logs.String(), "AADSTS70021") != 1 {
			t.Errorf("%d requests; the log: %s", bought(tenant), logs.String())
		}
		wantNoCanary(t, logs.String(), token, "eyJ")
	})
}

func TestATrustThatDoesNotMatchSaysWhatWasPresented(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*simulator.FederatedCredential)
		code   int
		want   string
	}{
		"no trust at all":  {nil, 70021, "no federated credential of the app matches"},
		"another issuer":   {func(c *simulator.FederatedCredential) { c.Issuer = "https://issuer.example" }, 700211, "has the issuer"},
		"another role":     {func(c *simulator.FederatedCredential) { c.Subject = "arn:aws:iam::123456789012:role/other" }, 700213, "has the subject"},
		"upper case":       {func(c *simulator.FederatedCredential) { c.Subject = strings.ToUpper(c.Subject) }, 7002138, "has the subject"},
		"another audience": {func(c *simulator.FederatedCredential) { c.Audience = "sts.amazonaws.com" }, 700212, "has the audience"},
	} {
		synctest.Test(t, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{})
			presented := tenant.WebIdentity(exchange)
			if trusted := presented; row.change != nil {
				row.change(&trusted)
				tenant.AddFederatedCredential(trusted)
			}
			tenant.SetSecret(entry, federated(t))
			started := time.Now()
			_, err := against(t, tenant, "secretsmanager:"+entry).Token(t.Context(), "", "")
			got := wantError(t, err, credential.Rejected, "Credentials.Rejected")
			if got.Code != row.code || bought(tenant) != 5 || time.Since(started) > credential.DefaultPatience {
				t.Errorf("%s: %v after %d requests in %s", name, got, bought(tenant), time.Since(started))
			}
			mustContain(t, got.Error(), row.want, "issuer "+presented.Issuer, "subject "+presented.Subject, "audience "+presented.Audience, "case included", "minutes")
			wantNoCanary(t, got.Error()+prints(t, err), "eyJ")
		})
	}
}

func TestWhatAWSRefusesIsSaidBeforeEntraIsAsked(t *testing.T) {
	for code, row := range map[string]struct {
		kind secret.Kind
		want []string
	}{
		"OutboundWebIdentityFederationDisabledException": {secret.Forbidden, []string{"aws iam enable-outbound-web-identity-federation"}},
		"AccessDenied": {secret.Forbidden, []string{`"sts:GetWebIdentityToken"`, exchange}},
		"Throttling":   {secret.Unavailable, []string{"throttling"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{})
			tenant.RefuseWebIdentity(code)
			tenant.SetSecret(entry, federated(t))
			c := against(t, tenant, "secretsmanager:"+entry)
			_, err := c.Token(t.Context(), "", "")
			var got *secret.Error
			if !errors.As(err, &got) {
				t.Fatal(err)
			}
			if got.Kind != row.kind || got.Code != code || got.Source != "secretsmanager:"+entry || bought(tenant) != 0 {
				t.Errorf("%v after %d requests", got, bought(tenant))
			}
			mustContain(t, got.Error(), row.want...)
			tenant.RefuseWebIdentity("")
			tenant.AddFederatedCredential(tenant.WebIdentity(exchange))
			if mustToken(t, c, "", "") == "" {
				t.Error("it does not recover")
			}
		})
	}
}

func TestWhatToRegisterIsKnownWithoutEntra(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	c := inEnvironment(t, tenant, map[string]string{"ROLLCALL_FEDERATION": "aws"})
	got, err := c.Presented(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(tenant.WebIdentity(exchange), simulator.FederatedCredential{Issuer: got.Issuer, Subject: got.Subject, Audience: got.Audience}); diff != "" || bought(tenant) != 0 {
		t.Error(diff)
	}
	tenant.RefuseWebIdentity("AccessDenied")
	_, err = c.Presented(t.Context())
	_ = wantUnread(t, err, secret.Forbidden)
	c = inEnvironment(t, tenant, map[string]string{"AZURE_CLIENT_SECRET": canary})
	if got, err := c.Presented(t.Context()); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// tokenFile writes what another platform would, and returns the variable that names it.
func tokenFile(t *testing.T, text string) (path string, variables map[string]string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path, map[string]string{"AZURE_FEDERATED_TOKEN_FILE": path}
}

func TestAnAppSignsInByTheTokenInAFileWhichIsReadAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const subject = "system:serviceaccount:people:rollcall"
		tenant := simulator.New(simulator.Config{TokenLifetime: 10 * time.Minute})
		tenant.AddFederatedCredential(simulator.FederatedCredential{Issuer: tenant.WebIdentity("").Issuer, Subject: subject, Audience: exchange})
		written := func() string {
			token, err := tenant.IssueWebIdentity(subject, exchange, "RS256", time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			return token + "\n"
		}
		path, variables := tokenFile(t, written())
		c := inEnvironment(t, tenant, variables)
		first := mustToken(t, c, "", "")
		time.Sleep(48 * time.Hour)
		_, err := c.Token(t.Context(), first, "")
		got := wantError(t, err, credential.Rejected, "Credentials.Rejected")
		mustContain(t, got.Error(), "AZURE_FEDERATED_TOKEN_FILE ended at 2000-01-01T01:00:00Z", "still renews it")
		if err := os.WriteFile(path, []byte(written()), 0o600); err != nil {
			t.Fatal(err)
		}
		if next := mustToken(t, c, first, ""); next == first {
			t.Error("the same token")
		}
	})
}

func TestATokenFileThatCannotBeUsedIsExplained(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	elliptic, err := tenant.IssueWebIdentity("s", exchange, "ES384", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		text string
		want string
	}{
		"nothing":        {"", "holds no JSON Web Token"},
		"something else": {canary, "holds no JSON Web Token"},
		"no claims":      {"e30.e30.e30", "holds no JSON Web Token"},
		"a hostile one":  {"e30." + "eyJpc3MiOiJhXHUwMDFiYiJ9" + ".e30", "holds no JSON Web Token"},
		"ES384":          {elliptic, "by RS256 only, and this one is by ES384"},
	} {
		path, variables := tokenFile(t, row.text)
		_, err := inEnvironment(t, tenant, variables).Token(t.Context(), "", "")
		if err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = inEnvironment(t, tenant, map[string]string{"AZURE_FEDERATED_TOKEN_FILE": "eyJ" + canary}).Token(t.Context(), "", "")
	got := wantUnread(t, err, secret.Missing)
	mustContain(t, got.Error(), "AZURE_FEDERATED_TOKEN_FILE: the file")
	wantNoCanary(t, got.Error()+prints(t, err), canary)
}

// FuzzWhatATokenFileHoldsIsShownAsClaimsOnly writes anything into the file.
func FuzzWhatATokenFileHoldsIsShownAsClaimsOnly(f *testing.F) {
	tenant := simulator.New(simulator.Config{})
	token, err := tenant.IssueWebIdentity("system:serviceaccount:people:rollcall", exchange, "ES384", time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{token, "\ufeff" + token + "\r\n", "", "..", "e30.e30.", "e30.eyJpc3MiOlsiYSJdfQ.", "e30.eyJpc3MiOiJhXG4ifQ.", "e30.eyJpc3MiOiJhIiwiZXhwIjoxZTMwOH0."} {
		f.Add(seed)
	}
	path := filepath.Join(f.TempDir(), "token")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := inEnvironment(t, tenant, map[string]string{"AZURE_FEDERATED_TOKEN_FILE": path}).Presented(t.Context())
		if (got == nil) == (err == nil) {
			t.Fatalf("%v, %v", got, err)
		}
		if err != nil {
			if len(err.Error()) > 400 {
				t.Errorf("%v", err)
			}
			return
		}
		for _, claim := range []string{got.Issuer, got.Subject, got.Audience} {
			if len(claim) > 600 || strings.ContainsFunc(claim, func(r rune) bool { return r <= ' ' || r > '~' }) {
				t.Errorf("%q is shown", claim)
			}
		}
	})
}

func TestAnAppSignsInWithAKeyThatNobodyCanRead(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	arn := signingKey(t, tenant, "RSA_2048")
	tenant.SetSecret(entry, kmsSecret(t, tenant, arn, arn))
	c := against(t, tenant, "secretsmanager:"+entry)
	first := mustToken(t, c, "", "")
	if next := mustToken(t, c, first, ""); first == "" || next == first {
		t.Error("the same token")
	}
	id, err := c.Identity(t.Context())
	if err != nil || id.Method != credential.KMS || id.SigningKey != arn || !id.PrivateKey.IsZero() || time.Until(id.ExpiresAt) < time.Hour {
		t.Errorf("%v, %v", id, err)
	}
}

func TestAKMSKeyThatDoesNotSignIsExplainedBeforeEntraIsAsked(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	arn, other, elliptic := signingKey(t, tenant, "RSA_2048"), signingKey(t, tenant, "RSA_2048"), signingKey(t, tenant, "ECC_NIST_P256")
	for name, row := range map[string]struct {
		named, refusal string
		want           []string
	}{
		"denied":      {arn, "AccessDeniedException", []string{`"kms:Sign"`, arn}},
		"disabled":    {arn, "DisabledException", []string{"aws kms enable-key --key-id " + arn}},
		"throttled":   {arn, "ThrottlingException", []string{"KMS is throttling", "try again later"}},
		"in deletion": {arn, "KMSInvalidStateException", []string{"cancel-key-deletion"}},
		"elliptic":    {elliptic, "", []string{"not an RSA key that signs"}},
		"another key": {other, "", []string{other + " is not the one that the certificate was made for"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			tenant.RefuseSigningKey(arn, "")
			tenant.SetSecret(entry, kmsSecret(t, tenant, arn, row.named))
			tenant.RefuseSigningKey(arn, row.refusal)
			_, err := against(t, tenant, "secretsmanager:"+entry).Token(t.Context(), "", "")
			var named interface{ Name() string }
			if !errors.As(err, &named) || bought(tenant) != 0 {
				t.Fatalf("%s: %v", name, err)
			}
			mustContain(t, err.Error(), row.want...)
			if wanted := map[bool]string{true: "Graph.Unavailable", false: "Credentials.Missing"}[name == "throttled"]; named.Name() != wanted {
				t.Errorf("%s: %s", name, named.Name())
			}
			wantNoCanary(t, err.Error(), "assumed-role")
		})
	}
}

// signingKey makes a key of a tenant's KMS and returns its ARN.
func signingKey(t *testing.T, tenant *simulator.Tenant, spec string) string {
	t.Helper()
	arn, err := tenant.AddSigningKey(spec)
	if err != nil {
		t.Fatal(err)
	}
	return arn
}

// kmsSecret makes and registers a certificate around a key of KMS, and a secret that has it
// and names a key.
func kmsSecret(t *testing.T, tenant *simulator.Tenant, arn, named string) string {
	t.Helper()
	key, err := kms.New(arn, awsOf(tenant))
	if err != nil {
		t.Fatal(err)
	}
	return stored(t, simulator.DefaultTenant, map[string]string{"KMSKeyID": named, "Certificate": registered(t, tenant, key)})
}

// registered makes a certificate of a key that a service keeps, registers it on the app, and
// returns it as PEM.
func registered(t *testing.T, tenant *simulator.Tenant, key interface {
	Public(ctx context.Context) (*rsa.PublicKey, error)
	SignPKCS1(ctx context.Context, digest []byte) ([]byte, error)
},
) string {
	t.Helper()
	public, err := key.Public(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	made, err := certificate.Create(t.Context(), public, key.SignPKCS1, "rollcall", 48*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	tenant.AddCertificate(made.X509)
	return string(made.PEM())
}
