package kms_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rollcall-dev/rollcall/pkg/kms"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// keyOf makes a key of a tenant's KMS, and what the program makes of its ARN.
func keyOf(t *testing.T, tenant *simulator.Tenant, spec string) (key *kms.Key, arn string) {
	t.Helper()
	arn, err := tenant.AddSigningKey(spec)
	if err != nil {
		t.Fatal(err)
	}
	key, err = kms.New(arn, func(_ context.Context, region string) (aws.Config, error) {
		return aws.Config{
			Region: region, HTTPClient: &http.Client{Transport: tenant.Transport()},
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return key, arn
}

func TestAKeyThatNobodyCanReadSigns(t *testing.T) {
	key, _ := keyOf(t, simulator.New(simulator.Config{}), "RSA_2048")
	public, err := key.Public(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("what is signed"))
	signature, err := key.SignPSS(t.Context(), digest[:])
	if err != nil || rsa.VerifyPSS(public, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: sha256.Size}) != nil {
		t.Errorf("PSS: %v", err)
	}
	signature, err = key.SignPKCS1(t.Context(), digest[:])
	if err != nil || rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) != nil {
		t.Errorf("PKCS #1: %v", err)
	}
}

func TestWhatKMSRefusesIsExplained(t *testing.T) {
	tenant := simulator.New(simulator.Config{})
	key, arn := keyOf(t, tenant, "RSA_2048")
	for code, row := range map[string]struct {
		kind secret.Kind
		want []string
	}{
		"AccessDeniedException":      {secret.Forbidden, []string{`"kms:Sign"`, "RSASSA_PSS_SHA_256", "arn:aws:kms:eu-west-1:123456789012:key/"}},
		"DisabledException":          {secret.Forbidden, []string{"disabled", "aws kms enable-key --key-id arn:"}},
		"KMSInvalidStateException":   {secret.Forbidden, []string{"deletion", "cancel-key-deletion"}},
		"NotFoundException":          {secret.Missing, []string{"no KMS key"}},
		"InvalidKeyUsageException":   {secret.Malformed, []string{"RSA key", "RSA_2048"}},
		"KMSInternalException":       {secret.Unavailable, []string{"try again later"}},
		"ThrottlingException":        {secret.Unavailable, []string{"KMS is throttling"}},
		"IncompleteSignature":        {secret.Forbidden, []string{"own credentials"}},
		"SomethingElseAltogether":    {secret.Unavailable, []string{"KMS answered with an error"}},
		"DependencyTimeoutException": {secret.Unavailable, []string{"just now"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			tenant.RefuseSigningKey(arn, code)
			_, err := key.SignPSS(t.Context(), make([]byte, 32))
			var e *secret.Error
			if !errors.As(err, &e) || e.Kind != row.kind || e.Code != code {
				t.Fatalf("%s: %v", code, err)
			}
			for _, want := range row.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v lacks %q", code, err, want)
				}
			}
			if strings.Contains(err.Error(), "assumed-role") {
				t.Errorf("the message of the service is repeated: %v", err)
			}
		})
	}
}

func TestAnEllipticKeyIsNotForEntra(t *testing.T) {
	key, _ := keyOf(t, simulator.New(simulator.Config{}), "ECC_NIST_P256")
	_, publicErr := key.Public(t.Context())
	_, signErr := key.SignPSS(t.Context(), make([]byte, 32))
	for _, err := range []error{publicErr, signErr} {
		var e *secret.Error
		if !errors.As(err, &e) || e.Kind != secret.Malformed || !strings.Contains(err.Error(), "RSA key") {
			t.Errorf("%v", err)
		}
	}
}

func TestAThrottledKeyIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{})
		key, arn := keyOf(t, tenant, "RSA_2048")
		tenant.RefuseSigningKey(arn, "ThrottlingException")
		started := time.Now()
		time.AfterFunc(time.Millisecond, func() { tenant.RefuseSigningKey(arn, "") })
		if _, err := key.SignPSS(t.Context(), make([]byte, 32)); err != nil || time.Since(started) == 0 {
			t.Errorf("after %s: %v", time.Since(started), err)
		}
	})
}

func TestAKeyIsNamedInFourWays(t *testing.T) {
	const id = "1234abcd-12ab-34cd-56ef-1234567890ab"
	for text, want := range map[string]bool{
		"arn:aws:kms:eu-west-1:111122223333:key/" + id:                                true,
		"arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/" + id:                     true,
		"arn:aws:kms:eu-west-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab": true,
		"arn:aws:kms:eu-west-1:111122223333:alias/rollcall/reader":                    true,
		id:               true,
		"alias/rollcall": true,
		"":               false,
		"alias/":         false,
		"rollcall":       false,
		"key/" + id:      false,
		"arn:aws:kms:eu-west-1:111122223333:" + id:                      false,
		"arn:aws:kms:eu-west-1:111122223333:key/canary":                 false,
		"arn:aws:kms:evil.example/?:111122223333:key/" + id:             false,
		"arn:aws:secretsmanager:eu-west-1:111122223333:secret:rollcall": false,
		"arn:aws:kms:eu-west-1:111122223333:key/" + id + ":x":           false,
		"alias/canary canary":                                           false,
	} {
		key, err := kms.New(text, nil)
		if (err == nil) != want || want && key.String() != text {
			t.Errorf("%q: %v", text, err)
		}
		if err != nil && (strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "KMSKeyID")) {
			t.Errorf("%v", err)
		}
	}
}

func TestAnAddressThatIsNotForSecretsIsRefused(t *testing.T) {
	key, err := kms.New("alias/rollcall", func(context.Context, string) (aws.Config, error) {
		return aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String("http://kms.example")}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.SignPSS(t.Context(), make([]byte, 32)); err == nil || !strings.Contains(err.Error(), "AWS_ENDPOINT_URL_KMS") {
		t.Error(err)
	}
	key, err = kms.New("alias/rollcall", func(context.Context, string) (aws.Config, error) { return aws.Config{}, nil })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.SignPSS(t.Context(), make([]byte, 32)); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Error(err)
	}
}
