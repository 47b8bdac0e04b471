package terraform_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/registrations"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/terraform"
)

const (
	issuer = "https://0a1b.tokens.sts.global.api.aws"
	users  = "arn:aws:iam::123456789012:role/rollcall-UsersRole-1"
	rotate = "arn:aws:iam::123456789012:role/rollcall-RotateRole-1"
)

// life is a configuration that is applied to a tenant, by the provider itself.
type life struct {
	*terraform.Configuration

	tenant *registrations.Tenant
}

func begin(t *testing.T) *life {
	t.Helper()
	c, ok, err := terraform.Copy(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Skip("neither terraform nor tofu is installed")
	}
	if _, err := c.Run(t.Context(), "init", "-no-color"); err != nil {
		t.Skipf("the provider cannot be had: %v", err)
	}
	l := &life{Configuration: c, tenant: harness.Start(t, registrations.Start)}
	hosts, err := l.tenant.Certificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c.Environ = append(c.Environ, "SSL_CERT_FILE="+hosts, "TF_VAR_metadata_host="+strings.TrimPrefix(l.tenant.URL(), "https://"),
		"TF_VAR_tenant_id="+registrations.TenantID, "ARM_CLIENT_ID="+registrations.Deployer(), "ARM_CLIENT_SECRET="+registrations.Password)
	return l
}

// apply applies variables; then there is nothing left to do.
func (l *life) apply(t *testing.T, variables map[string]any) {
	t.Helper()
	text, err := json.Marshal(variables)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(l.Dir+"/test.auto.tfvars.json", text, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	for _, args := range [][]string{{"apply", "-no-color", "-auto-approve"}, {"plan", "-no-color", "-detailed-exitcode"}} {
		out, err := l.Run(ctx, args...)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, value := range l.tenant.Secrets() {
			if strings.Contains(out, value) {
				t.Error("terraform shows a secret")
			}
		}
	}
}

// secret is what the secret of the functions has to contain.
func (l *life) secret(t *testing.T) (fields map[string]string) {
	t.Helper()
	out, err := l.Run(t.Context(), "output", "-raw", "secret")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(out), &fields); err != nil {
		t.Fatal(err)
	}
	return fields
}

func TestOneCredentialTakesOverFromAnother(t *testing.T) {
	l := begin(t)
	variables := map[string]any{
		"credential": "secret", "secret_end_dates": []string{"2099-06-30T00:00:00Z"}, "permissions": []string{"AuditLog.Read.All"},
		"rotator": map[string]any{"role_arns": []string{rotate}}, "aws_issuer": issuer,
	}
	l.apply(t, variables)
	if got := l.secret(t)["ClientSecret"]; got != l.tenant.Secrets()[0] {
		t.Error("the secret is not the one that was made")
	}
	want := []registrations.App{
		{
			Name: "rollcall", Asks: []string{"Role AuditLog.Read.All", "Role User.Read.All"}, May: []string{"AuditLog.Read.All", "User.Read.All"},
			Owners: []string{"deployer", "rollcall-rotator"}, Secrets: []string{"2099-06-30T00:00:00Z"},
		},
		{
			Name: "rollcall-rotator", Asks: []string{"Role Application.ReadWrite.OwnedBy"}, May: []string{"Application.ReadWrite.OwnedBy"},
			Owners: []string{"deployer"}, Federated: [][3]string{{issuer, rotate, "api://AzureADTokenExchange"}},
		},
	}
	l.wantApps(t, want)

	variables["certificate_files"], variables["role_arns"] = []string{"tests/certificate.pem"}, []string{users}
	l.apply(t, variables)
	apps := l.tenant.Apps()
	if len(apps[0].Certificates) != 1 || len(apps[0].Federated) != 1 || len(apps[0].Secrets) != 1 {
		t.Errorf("the credentials are %+v", apps[0])
	}

	variables = map[string]any{"role_arns": []string{users}, "aws_issuer": issuer}
	l.apply(t, variables)
	want = []registrations.App{{
		Name: "rollcall", Asks: []string{"Role User.Read.All"}, May: []string{"User.Read.All"}, Owners: []string{"deployer"},
		Federated: [][3]string{{issuer, users, "api://AzureADTokenExchange"}},
	}}
	l.wantApps(t, want)
	if got := l.secret(t); got["Federation"] != "aws" || len(got) != 3 {
		t.Errorf("the secret has %v", got)
	}

	if out, err := l.Run(t.Context(), "destroy", "-no-color", "-auto-approve"); err != nil || len(l.tenant.Apps()) != 0 {
		t.Errorf("what is left is %+v: %v\n%s", l.tenant.Apps(), err, out)
	}
}

func (l *life) wantApps(t *testing.T, want []registrations.App) {
	t.Helper()
	for i := range want {
		want[i].Audience = "AzureADMyOrg"
	}
	if diff := cmp.Diff(want, l.tenant.Apps(), cmpopts.IgnoreFields(registrations.App{}, "ClientID"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the app registrations (-want +got):\n%s", diff)
	}
}
