package secret_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// vault is Secrets Manager's GetSecretValue over HTTP, asked by the real SDK.
type vault struct {
	answer func(w http.ResponseWriter)
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
	v.answer(w)
}

func secretString(text string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		_ = json.NewEncoder(w).Encode(map[string]any{"SecretString": text})
	}
}

func awsRefusal(status int, code string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"__type":%q,"message":"User: arn:aws:sts::1:assumed-role/r/alice@example.com sent %s"}`, code, canary)
	}
}

func newReader(t *testing.T, source string, load secret.LoadAWS) *secret.Reader {
	t.Helper()
	s, err := secret.ParseSource(source)
	if err != nil {
		t.Fatal(err)
	}
	r, err := secret.NewReader(s, secret.Access{AWS: load})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// at is an AWS configuration whose Secrets Manager is v; change adjusts it.
func at(t *testing.T, v *vault, change ...func(*aws.Config)) secret.LoadAWS {
	t.Helper()
	server := httptest.NewServer(v)
	t.Cleanup(server.Close)
	return func(context.Context, string) (aws.Config, error) {
		cfg := aws.Config{
			Region: "us-east-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		}
		for _, f := range change {
			f(&cfg)
		}
		return cfg, nil
	}
}

func wantError(t *testing.T, err error, kind secret.Kind, name string) *secret.Error {
	t.Helper()
	var e *secret.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v is not an *Error", err)
	}
	if e.Kind != kind || e.Name() != name {
		t.Fatalf("error %v is %s, %s; want %s, %s", err, e.Kind, e.Name(), kind, name)
	}
	return e
}

func TestASecretIsReadByNameVersionAndStage(t *testing.T) {
	v := &vault{answer: secretString(canary)}
	text, err := newReader(t, "secretsmanager:rollcall/entra?stage=AWSPREVIOUS&version=v-1", at(t, v)).Read(t.Context())
	if err != nil || string(text) != canary {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if in := v.asked[0]; len(v.asked) != 1 || in["SecretId"] != "rollcall/entra" || in["VersionStage"] != "AWSPREVIOUS" || in["VersionId"] != "v-1" {
		t.Errorf("asked for %v", v.asked)
	}
	mustContain(t, v.auth[0], "/us-east-1/secretsmanager/")
}

func TestAnARNIsReadInItsOwnRegion(t *testing.T) {
	v := &vault{answer: secretString(canary)}
	load, region := at(t, v), ""
	r := newReader(t, "secretsmanager:"+testARN, func(ctx context.Context, of string) (aws.Config, error) {
		region = of
		return load(ctx, of)
	})
	if _, err := r.Read(t.Context()); err != nil || region != "eu-west-1" {
		t.Fatalf("loaded for region %q, %v", region, err)
	}
	if in := v.asked[0]; in["SecretId"] != testARN || in["VersionStage"] != "" {
		t.Errorf("asked for %v", in)
	}
	mustContain(t, v.auth[0], "/eu-west-1/secretsmanager/")
}

func TestNoSecretIsReadInPlainHTTPFromAnotherMachine(t *testing.T) {
	v := &vault{answer: secretString(canary)}
	for _, address := range []string{"http://10.0.0.1:4566", "http://secretsmanager.example", "http://localhost.example"} {
		_, err := newReader(t, "secretsmanager:"+testARN, at(t, v, func(c *aws.Config) { c.BaseEndpoint = &address })).Read(t.Context())
		_ = wantError(t, err, secret.Missing, "Credentials.Missing")
		mustContain(t, err.Error(), "plain HTTP")
		mustContain(t, err.Error(), "AWS_ENDPOINT_URL")
	}
}

func TestNoSecretIsReadWhereARedirectLeads(t *testing.T) {
	v := &vault{answer: secretString(canary)}
	elsewhere := httptest.NewServer(v)
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	text, err := newReader(t, "secretsmanager:"+testARN, at(t, v, func(c *aws.Config) { c.BaseEndpoint = &server.URL })).Read(t.Context())
	if err == nil || len(v.asked) > 0 {
		t.Errorf("%d bytes were read, %d requests led elsewhere", len(text), len(v.asked))
	}
}

func TestABinarySecretIsRead(t *testing.T) {
	v := &vault{answer: func(w http.ResponseWriter) {
		_, _ = fmt.Fprintf(w, `{"SecretBinary":%q}`, base64.StdEncoding.EncodeToString([]byte(canary+"\r\n")))
	}}
	text, err := newReader(t, "secretsmanager:x", at(t, v)).Read(t.Context())
	if err != nil || string(text) != canary+"\r\n" {
		t.Errorf("%d bytes, %v", len(text), err)
	}
}

func TestASecretThatCannotBeReadSaysWhy(t *testing.T) {
	for _, row := range []struct {
		status int
		code   string
		kind   secret.Kind
		name   string
		want   string
	}{
		{400, "ResourceNotFoundException", secret.Missing, "Credentials.Missing", "does not exist"},
		{400, "InvalidRequestException", secret.Missing, "Credentials.Missing", "scheduled for deletion"},
		{400, "InvalidParameterException", secret.Missing, "Credentials.Missing", "where it is configured"},
		{400, "AccessDeniedException", secret.Forbidden, "Credentials.Missing", "secretsmanager:GetSecretValue"},
		{400, "AccessDeniedException", secret.Forbidden, "Credentials.Missing", "kms:Decrypt"},
		{400, "DecryptionFailure", secret.Forbidden, "Credentials.Missing", "kms:Decrypt"},
		{400, "UnrecognizedClientException", secret.Forbidden, "Credentials.Missing", "own credentials"},
		{400, "ThrottlingException", secret.Unavailable, "Graph.Unavailable", "throttling"},
		{500, "InternalServiceError", secret.Unavailable, "Graph.Unavailable", "later"},
	} {
		t.Run(row.code+" "+row.want, func(t *testing.T) {
			v := &vault{answer: awsRefusal(row.status, row.code)}
			_, err := newReader(t, "secretsmanager:rollcall/entra", at(t, v)).Read(t.Context())
			got := wantError(t, err, row.kind, row.name)
			mustContain(t, got.Error(), row.want, row.code, "secretsmanager:rollcall/entra", "aws-request-1")
			mustNotContain(t, got.Error(), canary, "alice")
			mustNotContain(t, prints(t, err), canary, "alice")
			if got.Code != row.code || got.Status != row.status {
				t.Errorf("%s, HTTP %d", got.Code, got.Status)
			}
		})
	}
}

func TestAWSWithoutARegionOrConfigurationIsExplained(t *testing.T) {
	for name, load := range map[string]secret.LoadAWS{
		"region": func(context.Context, string) (aws.Config, error) { return aws.Config{}, nil },
		"configuration": func(context.Context, string) (aws.Config, error) {
			return aws.Config{}, errors.New("profile " + canary)
		},
	} {
		_, err := newReader(t, "secretsmanager:x", load).Read(t.Context())
		got := wantError(t, err, secret.Missing, "Credentials.Missing")
		mustContain(t, got.Error(), name)
		mustNotContain(t, got.Error(), canary)
	}
}

// noCredentials fails as one of the SDK's sources of credentials does.
type noCredentials struct{ err error }

func (n noCredentials) Retrieve(context.Context) (aws.Credentials, error) {
	return aws.Credentials{}, n.err
}

// broken is a connection that fails.
type broken struct{ err error }

func (b broken) Do(*http.Request) (*http.Response, error) { return nil, b.err }

func TestFailuresOnTheWayToSecretsManagerAreToldApart(t *testing.T) {
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close() // whose port listens no more
	for name, row := range map[string]struct {
		change func(*aws.Config)
		kind   secret.Kind
		want   string
	}{
		"no role": {func(c *aws.Config) { c.Credentials = noCredentials{errors.New("no EC2 IMDS role found")} }, secret.Forbidden, "AWS credentials"},
		"sso": {func(c *aws.Config) {
			c.Credentials = noCredentials{&smithy.OperationError{ServiceID: "SSO", Err: &smithy.GenericAPIError{Code: "UnauthorizedException"}}}
		}, secret.Forbidden, "aws sso login"},
		"metadata": {func(c *aws.Config) {
			c.Credentials = noCredentials{&smithy.OperationError{ServiceID: "ec2imds", Err: context.DeadlineExceeded}}
		}, secret.Forbidden, "ec2imds"},
		"refused":  {func(c *aws.Config) { c.BaseEndpoint = aws.String(nobody.URL) }, secret.Unavailable, "refused"},
		"deadline": {func(c *aws.Config) { c.HTTPClient = broken{context.DeadlineExceeded} }, secret.Unavailable, "in time"},
		"other":    {func(c *aws.Config) { c.Credentials = noCredentials{errors.New("odd " + canary)} }, secret.Forbidden, "aws sts get-caller-identity"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newReader(t, "secretsmanager:x", at(t, &vault{}, row.change)).Read(t.Context())
			got := wantError(t, err, row.kind, (&secret.Error{Kind: row.kind}).Name())
			mustContain(t, got.Error(), row.want, "secretsmanager:x")
			mustNotContain(t, got.Error(), canary)
		})
	}
}

func TestACodeThatIsNoneIsNotRepeated(t *testing.T) {
	v := &vault{answer: awsRefusal(400, "Odd <"+canary+">")}
	_, err := newReader(t, "secretsmanager:x", at(t, v)).Read(t.Context())
	got := wantError(t, err, secret.Unavailable, "Graph.Unavailable")
	mustContain(t, got.Error(), "with an error")
	mustNotContain(t, got.Error(), canary)
}

func TestAContextThatEndsWhileASecretIsReadEndsTheRead(t *testing.T) {
	release := make(chan struct{})
	r := newReader(t, "secretsmanager:x", at(t, &vault{answer: func(http.ResponseWriter) { <-release }}))
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := r.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestASecretsManagerThatNeverAnswersIsGivenUpInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReader(t, "secretsmanager:x", func(context.Context, string) (aws.Config, error) {
			return aws.Config{
				Region: "eu-west-1", HTTPClient: &http.Client{Transport: hanging{}},
				Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
			}, nil
		})
		start := time.Now()
		_, err := r.Read(t.Context())
		mustContain(t, wantError(t, err, secret.Unavailable, "Graph.Unavailable").Error(), "did not answer in time", "NAT gateway")
		if waited := time.Since(start); waited != 15*time.Second {
			t.Errorf("waited %v", waited)
		}
	})
}

type hanging struct{}

func (hanging) RoundTrip(req *http.Request) (*http.Response, error) {
	<-req.Context().Done()
	return nil, req.Context().Err()
}

// TestTheStandardAWSVariablesAreHonoured is the one test that goes through the
// SDK's own loading of its configuration.
func TestTheStandardAWSVariablesAreHonoured(t *testing.T) {
	v := &vault{answer: secretString(canary)}
	server := httptest.NewServer(v)
	defer server.Close()
	absent := filepath.Join(t.TempDir(), "absent")
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "ap-south-1", "AWS_PROFILE": "",
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example", "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": absent, "AWS_SHARED_CREDENTIALS_FILE": absent,
	} {
		t.Setenv(name, value)
	}
	for text, region := range map[string]string{"secretsmanager:x": "ap-south-1", "secretsmanager:" + testARN: "eu-west-1"} {
		if text, err := newReader(t, text, nil).Read(t.Context()); err != nil || string(text) != canary {
			t.Fatalf("%d bytes, %v", len(text), err)
		}
		mustContain(t, v.auth[len(v.auth)-1], "/"+region+"/secretsmanager/")
	}
}
