package credential

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/aws/smithy-go"
)

// TestTheStandardAWSVariablesAreHonoured is the one test that goes through the
// SDK's own loading of its configuration.
func TestTheStandardAWSVariablesAreHonoured(t *testing.T) {
	v := &vault{answer: secretString(testJSON)}
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
		source, err := ParseSource(text)
		if err != nil {
			t.Fatal(err)
		}
		c, err := New(Config{Source: source})
		if err != nil {
			t.Fatal(err)
		}
		if id, err := c.Identity(t.Context()); err != nil || id.TenantID != testTenant {
			t.Fatalf("identity %v, %v", id, err)
		}
		mustContain(t, v.auth[len(v.auth)-1], "/"+region+"/secretsmanager/")
	}
}

func TestAWSErrorsThatAreNotOfSecretsManagerAreToldApart(t *testing.T) {
	own := func(err error) error {
		return &smithy.OperationError{ServiceID: "Secrets Manager", OperationName: "GetSecretValue", Err: err}
	}
	for name, row := range map[string]struct {
		err  error
		kind Kind
		want string
	}{
		"sso":      {own(fmt.Errorf("get credentials: %w", &smithy.OperationError{ServiceID: "SSO", Err: &smithy.GenericAPIError{Code: "UnauthorizedException"}})), Forbidden, "aws sso login"},
		"metadata": {own(&smithy.OperationError{ServiceID: "ec2imds", Err: context.DeadlineExceeded}), Forbidden, "ec2imds"},
		"deadline": {own(&smithy.CanceledError{Err: context.DeadlineExceeded}), Unavailable, "in time"},
		"other":    {own(errors.New("odd " + canary)), Forbidden, "aws sts get-caller-identity"},
		"code":     {own(&smithy.GenericAPIError{Code: "Odd <" + canary + ">"}), Unavailable, "with an error"},
	} {
		got := wantError(t, awsError(row.err), row.kind, (&Error{Kind: row.kind}).Name())
		mustContain(t, got.Error(), row.want)
		mustNotContain(t, got.Error(), canary)
		if t.Failed() {
			t.Log(name)
		}
	}
}
