package simulator_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// challenged reads Graph's claims challenge.
func challenged(t *testing.T, c *client) string {
	t.Helper()
	a := c.get("/users")
	found := regexp.MustCompile(`error="insufficient_claims", claims="([^"]+)"`).FindStringSubmatch(a.header.Get("WWW-Authenticate"))
	if a.status != 401 || found == nil {
		t.Fatalf("%d %q, want a challenge", a.status, a.header.Get("WWW-Authenticate"))
	}
	claims, err := base64.StdEncoding.DecodeString(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(claims)
}

func TestClientSecretsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClient(t, simulator.Config{SecretPropagation: time.Minute})
		buy := func(secret string) string {
			values := grant()
			values.Set("client_secret", secret)
			a := c.form(simulator.DefaultTenant, values)
			if a.status == http.StatusOK {
				return "ok"
			}
			return regexp.MustCompile(`AADSTS\d+`).FindString(a.body)
		}
		expect := func(secret, want string) {
			t.Helper()
			if got := buy(secret); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		c.tenant.AddSecret("second", time.Now().Add(time.Hour))
		expect("second", "AADSTS7000215") // not everywhere yet
		expect("second", "ok")
		expect("second", "AADSTS7000215")
		expect(simulator.DefaultClientSecret, "ok")
		time.Sleep(time.Minute)
		expect("second", "ok")
		expect("second", "ok")
		time.Sleep(time.Hour)
		expect("second", "AADSTS7000222")
		if err := c.tenant.ExpireSecret(simulator.DefaultClientSecret); err != nil {
			t.Error(err)
		}
		expect(simulator.DefaultClientSecret, "AADSTS7000222")
		c.tenant.RotateSecret("third")
		expect(simulator.DefaultClientSecret, "AADSTS7000215")
		time.Sleep(time.Minute)
		expect("third", "ok")
		if err := c.tenant.RemoveSecret("third"); err != nil {
			t.Error(err)
		}
		expect("third", "AADSTS7000215")
		if c.tenant.ExpireSecret("third") == nil || c.tenant.RemoveSecret("third") == nil {
			t.Error("a secret that is gone can be ended")
		}
	})
}

func TestTheAWSSDKReadsSecrets(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	sdk := secretsmanager.New(secretsmanager.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String("https://secretsmanager.example"),
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", ""),
		HTTPClient:  &http.Client{Transport: tenant.Transport()}, RetryMaxAttempts: 1,
	})
	read := func(id, stage string) string {
		t.Helper()
		in := &secretsmanager.GetSecretValueInput{SecretId: &id}
		if stage != "" {
			in.VersionStage = &stage
		}
		out, err := sdk.GetSecretValue(t.Context(), in)
		var refusal smithy.APIError
		switch {
		case errors.As(err, &refusal):
			return refusal.ErrorCode()
		case err != nil:
			t.Fatal(err)
		case out.SecretBinary != nil:
			return "binary " + string(out.SecretBinary)
		}
		return aws.ToString(out.SecretString) + " " + strings.Join(out.VersionStages, ",")
	}
	expect := func(id, stage, want string) {
		t.Helper()
		if got := read(id, stage); got != want {
			t.Errorf("%s %s: %q, want %q", id, stage, got, want)
		}
	}
	expect("rollcall/entra", "", "ResourceNotFoundException")
	tenant.SetSecret("rollcall/entra", `{"a":1}`)
	expect("rollcall/entra", "", `{"a":1} AWSCURRENT`)
	expect(tenant.SecretARN("rollcall/entra"), "", `{"a":1} AWSCURRENT`)
	expect("rollcall/entra", "AWSPREVIOUS", "ResourceNotFoundException")
	tenant.SetSecret("rollcall/entra", `{"a":2}`)
	expect("rollcall/entra", "AWSPREVIOUS", `{"a":1} AWSPREVIOUS`)
	expect("rollcall/entra", "", `{"a":2} AWSCURRENT`)
	for _, code := range []string{"InvalidRequestException", "AccessDeniedException", "DecryptionFailure", "InternalServiceError"} {
		if err := tenant.RefuseSecret("rollcall/entra", code); err != nil {
			t.Error(err)
		}
		expect("rollcall/entra", "", code)
	}
	tenant.SetSecretBinary("rollcall/entra", []byte("\x00\xff"))
	expect("rollcall/entra", "", "binary \x00\xff")
}
