package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/certificate"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// inAWS serves a tenant with its AWS account, leads the AWS SDK there, and returns the
// variables by which a command reaches the tenant.
func inAWS(t *testing.T, config simulator.Config) (*simulator.Tenant, []string) {
	t.Helper()
	tenant := simulator.New(config)
	server, err := tenant.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	authorities := filepath.Join(t.TempDir(), "ca.pem")
	write(t, authorities, string(server.CAPEM))
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_CA_BUNDLE": authorities, "AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	return tenant, []string{"ROLLCALL_LOGIN_URL=" + server.URL, "ROLLCALL_GRAPH_URL=" + server.URL, "SSL_CERT_FILE=" + authorities}
}

// runs executes a command line and returns what it printed.
func runs(t *testing.T, environ []string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, log strings.Builder
	p := &program{stdout: &out, stderr: &log, environ: environ}
	status = p.run(context.WithoutCancel(t.Context()), args)
	return status, out.String(), log.String()
}

func TestACertificateIsMadeOfAKMSKeyAndSignsIn(t *testing.T) {
	tenant, environ := inAWS(t, simulator.Config{Users: 3})
	arn, err := tenant.AddSigningKey("RSA_2048")
	if err != nil {
		t.Fatal(err)
	}
	status, pem, help := runs(t, nil, "certificate", "create", "--kms", arn, "--days", "90", "--subject", "people reader")
	made, withKey, err := certificate.ParsePublic([]byte(pem))
	if status != 0 || err != nil || withKey || made.X509.Subject.CommonName != "people reader" || time.Until(made.X509.NotAfter).Round(24*time.Hour) != 90*24*time.Hour {
		t.Fatalf("status %d, %v: %s%s", status, err, pem, help)
	}
	for _, want := range []string{made.Thumbprint(), "az ad app credential reset --append", `KMSKeyID: "` + arn + `"`} {
		if !strings.Contains(help, want) {
			t.Errorf("%q lacks %q", help, want)
		}
	}
	tenant.AddCertificate(made.X509)
	environ = append(environ, signedBy(t, "KMSKeyID", arn, pem))
	status, report, log := runs(t, environ, "doctor")
	if status != 0 || !strings.Contains(report, "by the certificate "+made.Thumbprint()+" of the KMS key "+arn) || !strings.Contains(report, "it expires in 89 days") {
		t.Errorf("status %d: %s%s", status, report, log)
	}
	if status, users, log := runs(t, environ, "list", "--format", "ndjson"); status != 0 || strings.Count(users, "\n") != 4 {
		t.Errorf("status %d: %s%s", status, users, log)
	}
}

// signedBy writes the secret of an app with a certificate whose key a service keeps, and returns
// the variable that names it.
func signedBy(t *testing.T, member, key, pem string) (variable string) {
	t.Helper()
	secret, err := json.Marshal(map[string]string{"TenantID": simulator.DefaultTenant, "ClientID": simulator.DefaultClientID, member: key, "Certificate": pem})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "secret.json")
	write(t, path, string(secret))
	return "ROLLCALL_CREDENTIALS=file:" + path
}

// inAzure returns the variables by which a command signs in to the tenant's vaults: by another
// app's secret than what the certificate is for.
func inAzure(environ []string) []string {
	return append(slices.Clip(environ), "AZURE_TENANT_ID="+simulator.DefaultTenant, "AZURE_CLIENT_ID="+simulator.DefaultClientID, "AZURE_CLIENT_SECRET="+simulator.DefaultClientSecret)
}

func TestACertificateIsMadeOfAKeyVaultKeyAndSignsIn(t *testing.T) {
	tenant, environ := inAWS(t, simulator.Config{Users: 3})
	environ = inAzure(environ)
	version, err := tenant.AddVaultKey("rollcall", "RSA-HSM")
	if err != nil {
		t.Fatal(err)
	}
	url := lookup(environ, "ROLLCALL_GRAPH_URL") + "/keys/rollcall"
	status, pem, help := runs(t, environ, "certificate", "create", "--keyvault", url, "--days", "90")
	made, withKey, err := certificate.ParsePublic([]byte(pem))
	if status != 0 || err != nil || withKey {
		t.Fatalf("status %d, %v: %s%s", status, err, pem, help)
	}
	for _, want := range []string{made.Thumbprint(), "az ad app credential reset --append", `KeyVaultKeyID: "` + url + "/" + version + `"`} {
		if !strings.Contains(help, want) {
			t.Errorf("%q lacks %q", help, want)
		}
	}
	environ = append(environ, signedBy(t, "KeyVaultKeyID", url, pem))
	status, report, log := runs(t, environ, "doctor")
	if status != 1 || !strings.Contains(report, "by the certificate "+made.Thumbprint()+" of the Key Vault key "+url) || !strings.Contains(report, "is not registered on the app") {
		t.Errorf("status %d: %s%s", status, report, log)
	}
	tenant.AddCertificate(made.X509)
	if _, err := tenant.AddVaultKey("rollcall", "RSA"); err != nil { // a rotation
		t.Fatal(err)
	}
	if status, users, log := runs(t, environ, "list", "--format", "ndjson"); status != 0 || strings.Count(users, "\n") != 4 {
		t.Errorf("status %d: %s%s", status, users, log)
	}
	if err := tenant.RefuseVaultKey("rollcall", "ForbiddenByRbac"); err != nil {
		t.Fatal(err)
	}
	status, report, log = runs(t, environ, "doctor")
	if status != 1 || !strings.Contains(report, "token          the identity may not sign") || !strings.Contains(report, "Key Vault Crypto User") {
		t.Errorf("status %d: %s%s", status, report, log)
	}
}

func TestAVaultKeyThatNoCertificateCanBeMadeOfIsExplained(t *testing.T) {
	tenant, environ := inAWS(t, simulator.Config{})
	environ = inAzure(environ)
	for name, kind := range map[string]string{"rsa": "RSA", "ec": "EC"} {
		if _, err := tenant.AddVaultKey(name, kind); err != nil {
			t.Fatal(err)
		}
	}
	vault := lookup(environ, "ROLLCALL_GRAPH_URL")
	for name, row := range map[string]struct {
		args    []string
		refusal string
		status  int
		want    string
	}{
		"denied":          {[]string{"--keyvault", vault + "/keys/rsa"}, "ForbiddenByRbac", 1, "Key Vault Crypto User"},
		"elliptic":        {[]string{"--keyvault", vault + "/keys/ec"}, "", 1, "is not an RSA key"},
		"no such key":     {[]string{"--keyvault", vault + "/keys/other"}, "", 1, "az keyvault key recover"},
		"a secret":        {[]string{"--keyvault", vault + "/secrets/rsa"}, "", 2, "but of a secret"},
		"no URL":          {[]string{"--keyvault", "rollcall"}, "", 2, "is not an https URL"},
		"another cloud's": {[]string{"--keyvault", "https://people.vault.azure.cn/keys/rsa"}, "", 1, "ROLLCALL_VAULT_DOMAIN"},
		"both":            {[]string{"--keyvault", vault + "/keys/rsa", "--kms", "alias/x"}, "", 2, "--kms"},
	} {
		if err := tenant.RefuseVaultKey("rsa", row.refusal); err != nil {
			t.Fatal(err)
		}
		if status, stdout, stderr := runs(t, environ, append([]string{"certificate", "create"}, row.args...)...); status != row.status || stdout != "" || !strings.Contains(stderr, row.want) {
			t.Errorf("%s: status %d, %q, %q", name, status, stdout, stderr)
		}
	}
}

func TestAKeyThatNoCertificateCanBeMadeOfIsExplained(t *testing.T) {
	tenant, _ := inAWS(t, simulator.Config{})
	arn, err := tenant.AddSigningKey("RSA_2048")
	if err != nil {
		t.Fatal(err)
	}
	elliptic, err := tenant.AddSigningKey("ECC_NIST_P256")
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		args    []string
		refusal string
		status  int
		want    string
	}{
		"denied":      {[]string{"--kms", arn}, "AccessDeniedException", 1, "kms:GetPublicKey"},
		"disabled":    {[]string{"--kms", arn}, "DisabledException", 1, "aws kms enable-key"},
		"elliptic":    {[]string{"--kms", elliptic}, "", 1, "RSA_2048"},
		"no key":      {nil, "", 2, "--kms"},
		"another":     {[]string{"--kms", "rollcall"}, "", 2, "--kms takes the ARN"},
		"no day":      {[]string{"--kms", arn, "--days", "0"}, "", 2, "--days"},
		"an age":      {[]string{"--kms", arn, "--days", "36500"}, "", 2, "--days"},
		"no name":     {[]string{"--kms", arn, "--subject", ""}, "", 2, "--subject"},
		"an odd name": {[]string{"--kms", arn, "--subject", "a\x1b[1m"}, "", 2, "--subject"},
	} {
		tenant.RefuseSigningKey(arn, row.refusal)
		if status, stdout, stderr := runs(t, nil, append([]string{"certificate", "create"}, row.args...)...); status != row.status || stdout != "" || !strings.Contains(stderr, row.want) {
			t.Errorf("%s: status %d, %q, %q", name, status, stdout, stderr)
		}
	}
}

func TestDoctorSaysWhatToRegisterForFederation(t *testing.T) {
	tenant, environ := inAWS(t, simulator.Config{Users: 3})
	environ = append(environ, "AZURE_TENANT_ID="+simulator.DefaultTenant, "AZURE_CLIENT_ID="+simulator.DefaultClientID, "ROLLCALL_FEDERATION=aws")
	trusted := tenant.WebIdentity("api://AzureADTokenExchange")
	report := func(want int, contains ...string) {
		t.Helper()
		status, stdout, stderr := runs(t, environ, "doctor")
		if status != want {
			t.Errorf("status %d: %s%s", status, stdout, stderr)
		}
		for _, part := range contains {
			if !strings.Contains(stdout, part) {
				t.Errorf("%q lacks %q", stdout, part)
			}
		}
		if strings.Contains(stdout+stderr, "eyJ") {
			t.Errorf("a token is shown: %s%s", stdout, stderr)
		}
	}
	shown := []string{
		"ok      credential     client " + simulator.DefaultClientID + " in tenant " + simulator.DefaultTenant + ", by federation with AWS, from env:; it keeps no secret that could expire\n",
		"\n        issuer    " + trusted.Issuer + "\n        subject   " + trusted.Subject + "\n        audience  " + trusted.Audience + "\n",
		"az ad app federated-credential create --id " + simulator.DefaultClientID + ` --parameters '{"audiences":["api://AzureADTokenExchange"],"issuer":"` + trusted.Issuer + `","name":"rollcall","subject":"` + trusted.Subject + `"}'`,
		"ARN of its role",
	}
	tenant.RefuseWebIdentity("OutboundWebIdentityFederationDisabledException")
	report(1, "FAIL    federation     this AWS account", "aws iam enable-outbound-web-identity-federation")
	tenant.RefuseWebIdentity("")
	tenant.AddFederatedCredential(trusted)
	report(0, append(shown, "ok      token ", "ok      page ")...)
}
