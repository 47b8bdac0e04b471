package credential

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// vault is Secrets Manager's GetSecretValue over HTTP, asked by the real SDK.
type vault struct {
	answer func(w http.ResponseWriter, in map[string]string)
	asked  []map[string]string
	auth   []string
}

func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	in := map[string]string{}
	if r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" || json.Unmarshal(body, &in) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	v.asked = append(v.asked, in)
	v.auth = append(v.auth, r.Header.Get("Authorization"))
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	w.Header().Set("X-Amzn-RequestId", "aws-request-1")
	v.answer(w, in)
}

func secretString(text string) func(http.ResponseWriter, map[string]string) {
	return func(w http.ResponseWriter, in map[string]string) {
		_ = json.NewEncoder(w).Encode(map[string]any{"Name": in["SecretId"], "SecretString": text})
	}
}

func awsRefusal(status int, code string) func(http.ResponseWriter, map[string]string) {
	return func(w http.ResponseWriter, _ map[string]string) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"__type":%q,"message":"User: arn:aws:sts::1:assumed-role/r/alice@example.com sent %s"}`, code, canary)
	}
}

const testJSON = `{"TenantID":"` + testTenant + `","ClientID":"` + testClient + `","ClientSecret":"` + canary + `"}`

func vaultCredential(t *testing.T, source string, v *vault, change ...func(*Config)) *Credential {
	t.Helper()
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	s, err := ParseSource(source)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Source: s, AWS: func(_ context.Context, region string) (aws.Config, error) {
		if want := regionOf(s.Name); region != want {
			t.Errorf("loaded for region %q, want %q", region, want)
		}
		return aws.Config{
			Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		}, nil
	}}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestASecretIsReadByNameVersionAndStage(t *testing.T) {
	v := &vault{answer: secretString(testJSON)}
	c := vaultCredential(t, "secretsmanager:rollcall/entra?stage=AWSPREVIOUS&version=v-1", v)
	for range 2 {
		id, err := c.Identity(t.Context())
		if err != nil || id.ClientSecret.Reveal() != canary {
			t.Fatalf("identity %v, %v", id, err)
		}
	}
	if len(v.asked) != 1 {
		t.Fatalf("asked %d times, want once", len(v.asked))
	}
	if in := v.asked[0]; in["SecretId"] != "rollcall/entra" || in["VersionStage"] != "AWSPREVIOUS" || in["VersionId"] != "v-1" {
		t.Errorf("asked for %v", in)
	}
	mustContain(t, v.auth[0], "/us-east-1/secretsmanager/")
}

func TestAnARNIsReadInItsOwnRegion(t *testing.T) {
	v := &vault{answer: secretString(testJSON)}
	if _, err := vaultCredential(t, "secretsmanager:"+testARN, v).Identity(t.Context()); err != nil {
		t.Fatal(err)
	}
	if in := v.asked[0]; in["SecretId"] != testARN || in["VersionStage"] != "" {
		t.Errorf("asked for %v", in)
	}
	mustContain(t, v.auth[0], "/eu-west-1/secretsmanager/")
}

func TestABinarySecretIsRead(t *testing.T) {
	v := &vault{answer: func(w http.ResponseWriter, _ map[string]string) {
		_, _ = fmt.Fprintf(w, `{"SecretBinary":%q}`, base64.StdEncoding.EncodeToString([]byte(bom+testJSON+"\r\n")))
	}}
	id, err := vaultCredential(t, "secretsmanager:x", v).Identity(t.Context())
	if err != nil || id.ClientSecret.Reveal() != canary {
		t.Errorf("identity %v, %v", id, err)
	}
}

func TestASecretThatCannotBeReadSaysWhy(t *testing.T) {
	for _, row := range []struct {
		status int
		code   string
		kind   Kind
		name   string
		want   string
	}{
		{400, "ResourceNotFoundException", Missing, "Credentials.Missing", "does not exist"},
		{400, "InvalidRequestException", Missing, "Credentials.Missing", "scheduled for deletion"},
		{400, "InvalidParameterException", Missing, "Credentials.Missing", "ROLLCALL_CREDENTIALS"},
		{400, "AccessDeniedException", Forbidden, "Credentials.Missing", "secretsmanager:GetSecretValue"},
		{400, "AccessDeniedException", Forbidden, "Credentials.Missing", "kms:Decrypt"},
		{400, "DecryptionFailure", Forbidden, "Credentials.Missing", "kms:Decrypt"},
		{400, "UnrecognizedClientException", Forbidden, "Credentials.Missing", "own credentials"},
		{400, "ThrottlingException", Unavailable, "Graph.Unavailable", "throttling"},
		{500, "InternalServiceError", Unavailable, "Graph.Unavailable", "later"},
	} {
		t.Run(row.code+" "+row.want, func(t *testing.T) {
			v := &vault{answer: awsRefusal(row.status, row.code)}
			_, err := vaultCredential(t, "secretsmanager:rollcall/entra", v).Identity(t.Context())
			got := wantError(t, err, row.kind, row.name)
			mustContain(t, got.Error(), row.want, row.code, "secretsmanager:rollcall/entra", "aws-request-1")
			mustNotContain(t, got.Error(), canary, "alice")
		})
	}
}

func TestASecretWithoutAValueOrWithAnotherIsMalformed(t *testing.T) {
	for _, text := range []string{"", canary, `{"ClientSecret":"` + canary + `"}`} {
		v := &vault{answer: secretString(text)}
		_, err := vaultCredential(t, "secretsmanager:x", v).Identity(t.Context())
		got := wantError(t, err, Malformed, "Credentials.Missing")
		mustNotContain(t, got.Error(), canary)
	}
	v := &vault{answer: func(w http.ResponseWriter, _ map[string]string) { _, _ = io.WriteString(w, `{}`) }}
	_, err := vaultCredential(t, "secretsmanager:x", v).Identity(t.Context())
	_ = wantError(t, err, Malformed, "Credentials.Missing")
}

func TestASecretRotatedUnderARunningFunctionIsPickedUp(t *testing.T) {
	current := "old-secret"
	v := &vault{answer: func(w http.ResponseWriter, in map[string]string) {
		secretString(strings.ReplaceAll(testJSON, canary, current))(w, in)
	}}
	e := &entra{secret: "old-secret"}
	c := vaultCredential(t, "secretsmanager:x", v, func(cfg *Config) { cfg.Transport = e })
	first := mustToken(t, c, "", "")
	current = canary
	e.accept(canary)
	if second := mustToken(t, c, first, ""); second == first {
		t.Error("the old token came back")
	}
	if len(v.asked) != 2 {
		t.Errorf("the secret was read %d times, want 2", len(v.asked))
	}
}

func TestAWSWithoutARegionOrConfigurationIsExplained(t *testing.T) {
	for name, load := range map[string]func(context.Context, string) (aws.Config, error){
		"region": func(context.Context, string) (aws.Config, error) { return aws.Config{}, nil },
		"configuration": func(context.Context, string) (aws.Config, error) {
			return aws.Config{}, errors.New("profile " + canary)
		},
	} {
		c := vaultCredential(t, "secretsmanager:x", &vault{}, func(cfg *Config) { cfg.AWS = load })
		_, err := c.Identity(t.Context())
		got := wantError(t, err, Missing, "Credentials.Missing")
		mustContain(t, got.Error(), name)
		mustNotContain(t, got.Error(), canary)
	}
}

type noRole struct{}

func (noRole) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{}, errors.New("no EC2 IMDS role found")
}

func TestTroubleOnTheWayToSecretsManagerIsExplained(t *testing.T) {
	v := &vault{answer: secretString(testJSON)}
	c := vaultCredential(t, "secretsmanager:x", v, func(cfg *Config) {
		cfg.AWS = func(context.Context, string) (aws.Config, error) {
			return aws.Config{Region: "eu-west-1", Credentials: noRole{}}, nil
		}
	})
	_, err := c.Identity(t.Context())
	mustContain(t, wantError(t, err, Forbidden, "Credentials.Missing").Error(), "AWS credentials")

	c = vaultCredential(t, "secretsmanager:x", v, func(cfg *Config) {
		load := cfg.AWS
		cfg.AWS = func(ctx context.Context, region string) (aws.Config, error) {
			c, err := load(ctx, region)
			c.BaseEndpoint = aws.String("http://127.0.0.1:1")
			return c, err
		}
	})
	_, err = c.Identity(t.Context())
	mustContain(t, wantError(t, err, Unavailable, "Graph.Unavailable").Error(), "refused")
}

func TestAContextThatEndsWhileASecretIsReadEndsTheRead(t *testing.T) {
	release := make(chan struct{})
	v := &vault{answer: func(http.ResponseWriter, map[string]string) { <-release }}
	c := vaultCredential(t, "secretsmanager:x", v)
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := c.Identity(ctx)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestASecretsManagerThatNeverAnswersIsGivenUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := Source{Scheme: SecretsManager, Name: "x"}
		c, err := New(Config{Source: source, AWS: func(context.Context, string) (aws.Config, error) {
			return aws.Config{
				Region: "eu-west-1", HTTPClient: &http.Client{Transport: hanging{}},
				Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
			}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = c.Identity(t.Context())
		mustContain(t, wantError(t, err, Unavailable, "Graph.Unavailable").Error(), "did not answer in time", "NAT gateway")
		if waited := time.Since(start); waited != secretTimeout {
			t.Errorf("waited %v", waited)
		}
	})
}
