package credential_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

const entry = "rollcall/entra"

// against makes a credential whose secret and whose tokens come from a simulated
// tenant.
func against(t *testing.T, tenant *simulator.Tenant, source string, change ...func(*credential.Config)) *credential.Credential {
	t.Helper()
	parsed, err := secret.ParseSource(source)
	if err != nil {
		t.Fatal(err)
	}
	cfg := credential.Config{Source: parsed, Transport: tenant.Transport(), Secrets: secret.Access{AWS: awsOf(tenant)}}
	for _, f := range change {
		f(&cfg)
	}
	c, err := credential.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// awsOf is the configuration that leads to a simulated tenant's AWS account.
func awsOf(tenant *simulator.Tenant) secret.LoadAWS {
	return func(context.Context, string) (aws.Config, error) {
		return aws.Config{
			Region: "eu-west-1", HTTPClient: &http.Client{Transport: tenant.Transport()},
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		}, nil
	}
}

func secretJSON(tenant, secret string) string {
	return `{"tenant_id":"` + tenant + `","AZURE_CLIENT_ID":"` + simulator.DefaultClientID + `","ClientSecret":"` + secret + `"}`
}

func TestASecretBecomesATokenOfTheSimulatedTenant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 1})
		tenant.SetSecret(entry, secretJSON(simulator.DefaultDomain, simulator.DefaultClientSecret))
		c := against(t, tenant, "secretsmanager:"+tenant.SecretARN(entry))
		token, err := c.Token(t.Context(), "", "")
		if err != nil || strings.Count(token, ".") != 2 {
			t.Fatalf("token of %d bytes, %v", len(token), err)
		}
		if guid, err := c.Tenant(t.Context()); err != nil || guid != simulator.DefaultTenant {
			t.Errorf("tenant %q, %v", guid, err)
		}
	})
}

func TestASecretRotatedInTheSimulatedTenantIsPickedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 1})
		tenant.SetSecret(entry, secretJSON(simulator.DefaultTenant, simulator.DefaultClientSecret))
		c := against(t, tenant, "secretsmanager:"+entry)
		first, err := c.Token(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		tenant.RotateSecret("new8Q~rotated")
		tenant.SetSecret(entry, secretJSON(simulator.DefaultTenant, "new8Q~rotated"))
		if second, err := c.Token(t.Context(), first, ""); err != nil || second == first {
			t.Errorf("same token: %v, %v", second == first, err)
		}
	})
}

func TestTheSimulatedTenantsRefusalsAreReported(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*simulator.Tenant)
		kind   credential.Kind
		code   int
	}{
		"unknown tenant": {func(s *simulator.Tenant) {
			s.SetSecret(entry, secretJSON("nobody.example", simulator.DefaultClientSecret))
		}, credential.Rejected, 90002},
		"wrong secret": {func(s *simulator.Tenant) {
			s.SetSecret(entry, secretJSON(simulator.DefaultTenant, "wrong"))
		}, credential.Rejected, 7000215},
		"expired secret": {func(s *simulator.Tenant) {
			if err := s.ExpireSecret(simulator.DefaultClientSecret); err != nil {
				t.Error(err)
			}
		}, credential.Rejected, 7000222},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tenant := simulator.New(simulator.Config{Users: 1})
				tenant.SetSecret(entry, secretJSON(simulator.DefaultTenant, simulator.DefaultClientSecret))
				row.change(tenant)
				_, err := against(t, tenant, "secretsmanager:"+entry).Token(t.Context(), "", "")
				var e *credential.Error
				if !errors.As(err, &e) || e.Kind != row.kind || e.Code != row.code {
					t.Fatalf("error %v", err)
				}
				if strings.Contains(err.Error(), simulator.DefaultClientSecret) || strings.Contains(err.Error(), "wrong8Q") {
					t.Errorf("the secret is in %v", err)
				}
			})
		})
	}
}

func TestARefusalOfTheSimulatedSecretsManagerIsReported(t *testing.T) {
	for code, kind := range map[string]secret.Kind{
		"InvalidRequestException": secret.Missing, "ResourceNotFoundException": secret.Missing,
		"AccessDeniedException": secret.Forbidden, "DecryptionFailure": secret.Forbidden,
	} {
		synctest.Test(t, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{Users: 1})
			tenant.SetSecret(entry, secretJSON(simulator.DefaultTenant, simulator.DefaultClientSecret))
			if err := tenant.RefuseSecret(entry, code); err != nil {
				t.Fatal(err)
			}
			_, err := against(t, tenant, "secretsmanager:"+entry).Token(t.Context(), "", "")
			if e := wantUnread(t, err, kind); e.Code != code || strings.Contains(err.Error(), simulator.DefaultClientSecret) {
				t.Errorf("%s: error %v", code, err)
			}
		})
	}
}

func TestTheSimulatedTenantsThrottlingIsWaitedOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fault, err := simulator.ParseFault("token-429")
		if err != nil {
			t.Fatal(err)
		}
		tenant := simulator.New(simulator.Config{Users: 1, Faults: []simulator.Fault{fault}})
		tenant.SetSecret(entry, secretJSON(simulator.DefaultTenant, simulator.DefaultClientSecret))
		start := time.Now()
		if _, err := against(t, tenant, "secretsmanager:"+entry).Token(t.Context(), "", ""); err != nil {
			t.Fatal(err)
		}
		if time.Since(start) == 0 {
			t.Error("nothing was waited for")
		}
	})
}
