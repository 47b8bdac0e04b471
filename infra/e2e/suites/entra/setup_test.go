package entra_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/registrations"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

const (
	issuer   = "https://0a1b.tokens.sts.global.api.aws"
	users    = "arn:aws:iam::123456789012:role/rollcall-UsersRole-1"
	snapshot = "arn:aws:iam::123456789012:role/some/path/rollcall-Snapshot+Role"
	key      = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
)

// setUp runs setup.sh, which has to succeed, and returns what the secret has to contain.
func (s *signedIn) setUp(t *testing.T, args ...string) map[string]string {
	t.Helper()
	out, err := s.run(t, harness.Path(t, "infra", "entra", "setup.sh"), args...)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]string
	if err := json.Unmarshal([]byte(out), &fields); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	return fields
}

// wantApps compares the app registrations, except for their client IDs.
func (s *signedIn) wantApps(t *testing.T, want ...registrations.App) {
	t.Helper()
	var all []registrations.App
	for _, app := range want {
		app.Audience = "AzureADMyOrg"
		for _, role := range app.May {
			app.Asks = append(app.Asks, "Role "+role)
		}
		all = append(all, app)
	}
	if diff := cmp.Diff(all, s.Apps(), cmpopts.IgnoreFields(registrations.App{}, "ClientID"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the app registrations (-want +got):\n%s", diff)
	}
}

// certificate is one that is valid until certificateEnd.
func certificate(t *testing.T) string {
	t.Helper()
	return harness.Path(t, "infra", "entra", "tests", "certificate.pem")
}

func TestTheScriptLetsRolesSignIn(t *testing.T) {
	t.Parallel()
	s := signIn(t, "AzureCloud")
	args := []string{"reader", "--credential", "federation", "--issuer", issuer, "--role-arn", users, "--role-arn", snapshot, "--permission", "AuditLog.Read.All"}
	for range 2 {
		fields := s.setUp(t, args...)
		s.wantApps(t, registrations.App{
			Name: "rollcall", May: []string{"AuditLog.Read.All", "User.Read.All"}, Owners: []string{"deployer"},
			Federated: [][3]string{{issuer, users, "api://AzureADTokenExchange"}, {issuer, snapshot, "api://AzureADTokenExchange"}},
		})
		want := map[string]string{"TenantID": registrations.TenantID, "ClientID": s.Apps()[0].ClientID, "Federation": "aws"}
		if diff := cmp.Diff(want, fields); diff != "" {
			t.Errorf("the secret (-want +got):\n%s", diff)
		}
	}
	moved := "https://2c3d.tokens.sts.global.api.aws"
	s.setUp(t, "reader", "--credential", "federation", "--issuer", moved, "--role-arn", users)
	if got := s.Apps()[0].Federated; len(got) != 2 || got[0] != [3]string{moved, users, "api://AzureADTokenExchange"} {
		t.Errorf("another issuer gives %q", got)
	}
}

func TestTheScriptTakesTheAudienceFromTheCloud(t *testing.T) {
	t.Parallel()
	s := signIn(t, "AzureUSGovernment")
	s.setUp(t, "reader", "--credential", "federation", "--issuer", issuer, "--role-arn", users)
	if got := s.Apps()[0].Federated[0][2]; got != "api://AzureADTokenExchangeUSGov" {
		t.Errorf("the audience is %s", got)
	}
	s.setUp(t, "reader", "--credential", "federation", "--issuer", issuer, "--role-arn", users, "--audience", "api://another")
	if got := s.Apps()[0].Federated[0][2]; got != "api://another" {
		t.Errorf("the audience is %s", got)
	}
}

func TestTheScriptMakesASecretOnceAndShowsItNowhereElse(t *testing.T) {
	t.Parallel()
	s := signIn(t, "AzureCloud")
	end := time.Now().AddDate(0, 6, 0).UTC().Truncate(24 * time.Hour)
	args := []string{"reader", "--credential", "secret", "--end-date", end.Format(time.DateOnly)}
	fields := s.setUp(t, args...)
	made := registrations.App{Name: "rollcall", May: []string{"User.Read.All"}, Owners: []string{"deployer"}, Secrets: []string{end.Format(time.RFC3339)}}
	s.wantApps(t, made)

	identity := read(t, fields)
	if identity.TenantID != registrations.TenantID || identity.ClientID != s.Apps()[0].ClientID || identity.ClientSecret.Reveal() != s.Secrets()[0] ||
		identity.KeyID == "" || !identity.ExpiresAt.Equal(end) || len(identity.Warnings) > 0 {
		t.Errorf("the functions read %v of it, %q", identity, identity.Warnings)
	}

	out, err := s.run(t, harness.Path(t, "infra", "entra", "setup.sh"), args...)
	if code(err) != 3 || out != "" || !strings.Contains(err.Error(), "az ad app credential delete") {
		t.Errorf("again it ends with %v and says %q", err, out)
	}
	s.wantApps(t, made)

	next := end.AddDate(0, 6, 0)
	if again := s.setUp(t, "reader", "--credential", "secret", "--end-date", next.Format(time.DateOnly)); again["ClientSecret"] != s.Secrets()[1] {
		t.Error("another end date does not give the secret that was made")
	}
	made.Secrets = append(made.Secrets, next.Format(time.RFC3339))
	s.wantApps(t, made)

	for _, value := range s.Secrets() {
		if strings.Contains(s.shown.String(), value) {
			t.Error("a secret was written to standard error")
		}
	}
}

// read reads the secret as the functions do.
func read(t *testing.T, fields map[string]string) credential.Identity {
	t.Helper()
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := secret.ParseSource("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	c, err := credential.New(credential.Config{Source: source})
	if err != nil {
		t.Fatal(err)
	}
	identity, err := c.Identity(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

func TestTheScriptRegistersACertificateOnce(t *testing.T) {
	t.Parallel()
	s := signIn(t, "AzureCloud")
	pem, err := os.ReadFile(certificate(t))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if fields := s.setUp(t, "reader", "--credential", "certificate", "--certificate", certificate(t)); len(fields) != 2 {
			t.Errorf("without the private key the secret is %v", fields)
		}
		fields := s.setUp(t, "reader", "--credential", "certificate", "--certificate", certificate(t), "--kms-key-id", key)
		if fields["KMSKeyID"] != key || fields["Certificate"] != string(pem) || len(fields) != 4 {
			t.Errorf("with a key of KMS the secret is %v", fields)
		}
	}
	app := s.Apps()[0]
	if len(app.Certificates) != 1 || len(app.Secrets) != 0 || len(app.Federated) != 0 {
		t.Fatalf("the registration is %+v", app)
	}
	// az leaves a second between the ends of the credential and of the certificate.
	if end, err := time.Parse(time.RFC3339, app.Certificates[0]); err != nil || certificateEnd(t).Sub(end) != time.Second {
		t.Errorf("it is valid until %v, %v", end, err)
	}
}

func TestTheScriptLetsTheRotatorChangeTheReaderAndNothingElse(t *testing.T) {
	t.Parallel()
	s := signIn(t, "AzureCloud")
	rotator := []string{"rotator", "--credential", "federation", "--issuer", issuer, "--role-arn", users}
	if _, err := s.run(t, harness.Path(t, "infra", "entra", "setup.sh"), rotator...); code(err) != 1 || !strings.Contains(err.Error(), "make the reader first") {
		t.Errorf("without a reader it ends with %v", err)
	}
	s.setUp(t, "reader", "--credential", "certificate", "--certificate", certificate(t))
	for range 2 {
		s.setUp(t, rotator...)
	}
	apps := s.Apps()
	if diff := cmp.Diff([]string{"deployer", "rollcall-rotator"}, apps[0].Owners); diff != "" {
		t.Error(diff)
	}
	s.wantApps(t,
		registrations.App{Name: "rollcall", May: []string{"User.Read.All"}, Owners: apps[0].Owners, Certificates: apps[0].Certificates},
		registrations.App{
			Name: "rollcall-rotator", May: []string{"Application.ReadWrite.OwnedBy"}, Owners: []string{"deployer"},
			Federated: [][3]string{{issuer, users, "api://AzureADTokenExchange"}},
		})
}

func TestTheScriptWaitsForWhatEntraDoesNotKnowYet(t *testing.T) {
	t.Parallel()
	s := signIn(t, "AzureCloud")
	s.Delay(2)
	s.setUp(t, "reader", "--credential", "federation", "--issuer", issuer, "--role-arn", users)
	s.wantApps(t, registrations.App{
		Name: "rollcall", May: []string{"User.Read.All"}, Owners: []string{"deployer"}, Federated: [][3]string{{issuer, users, "api://AzureADTokenExchange"}},
	})
	if !strings.Contains(s.shown.String(), "waiting for Entra ID") {
		t.Errorf("it never waited: %s", s.shown.String())
	}
}
