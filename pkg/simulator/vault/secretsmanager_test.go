package vault_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

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
