package webidentity_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/webidentity"
)

const audience = "api://AzureADTokenExchange"

// ask asks a tenant's Security Token Service for a token.
func ask(t *testing.T, tenant *simulator.Tenant, audience, region string) (string, error) {
	t.Helper()
	token, err := webidentity.New(audience, func(context.Context, string) (aws.Config, error) {
		return aws.Config{
			Region: region, HTTPClient: &http.Client{Transport: tenant.Transport()},
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		}, nil
	}).Token(t.Context())
	return token.Reveal(), err
}

func TestAWSVouchesForTheRole(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	token, err := ask(t, tenant, audience, "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(token, ".")
	var header struct{ Alg string }
	var claims struct {
		Iss, Sub, Aud string
		Iat, Exp      int64
	}
	for i, into := range []any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			t.Fatalf("%s, %v", text, err)
		}
	}
	want := tenant.WebIdentity(audience)
	if diff := cmp.Diff(want, simulator.FederatedCredential{Issuer: claims.Iss, Subject: claims.Sub, Audience: claims.Aud}); diff != "" || header.Alg != "RS256" || claims.Exp-claims.Iat > 300 {
		t.Errorf("%s, %s, %d s", diff, header.Alg, claims.Exp-claims.Iat)
	}
}

func TestWhatAWSRefusesIsExplained(t *testing.T) {
	for code, row := range map[string]struct {
		kind secret.Kind
		want []string
	}{
		"OutboundWebIdentityFederationDisabledException": {secret.Forbidden, []string{"aws iam enable-outbound-web-identity-federation"}},
		"AccessDenied":                       {secret.Forbidden, []string{`"Action":"sts:GetWebIdentityToken"`, audience, `"sts:SigningAlgorithm":"RS256"`, `"sts:DurationSeconds":"300"`}},
		"JWTPayloadSizeExceededException":    {secret.Forbidden, []string{"tags"}},
		"SessionDurationEscalationException": {secret.Forbidden, []string{"sign in to AWS again"}},
		"ExpiredToken":                       {secret.Forbidden, []string{"own credentials"}},
		"Throttling":                         {secret.Unavailable, []string{"throttling"}},
		"InternalFailure":                    {secret.Unavailable, []string{"answered with an error"}},
		"InvalidAction":                      {secret.Forbidden, []string{"AWS_ENDPOINT_URL_STS"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			tenant := simulator.New(simulator.Config{})
			tenant.RefuseWebIdentity(code)
			_, err := ask(t, tenant, audience, "eu-west-1")
			var e *secret.Error
			if !errors.As(err, &e) || e.Kind != row.kind || e.Code != code {
				t.Fatalf("%s: %v", code, err)
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v lacks %q", code, err, want)
				}
			}
			if strings.Contains(err.Error(), "not authorized to perform") {
				t.Errorf("the message of the service is repeated: %v", err)
			}
		})
	}
}

// The statement in the advice must be JSON, since people copy it.
func TestTheStatementIsOne(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	tenant.RefuseWebIdentity("AccessDenied")
	_, err := ask(t, tenant, audience, "eu-west-1")
	_, statement, found := strings.Cut(err.Error(), "allow it: ")
	if !found || !json.Valid([]byte(statement)) {
		t.Errorf("%s", statement)
	}
}

func TestARegionIsNeeded(t *testing.T) {
	if _, err := ask(t, simulator.New(simulator.Config{}), audience, ""); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Error(err)
	}
}
