package kms_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/rollcall-dev/rollcall/pkg/kms"
)

// seen remembers where a request went, and refuses it.
type seen struct{ url string }

func (s *seen) Do(r *http.Request) (*http.Response, error) {
	s.url = r.URL.String()
	return &http.Response{StatusCode: http.StatusBadRequest, Request: r, Body: io.NopCloser(strings.NewReader(`{"__type":"com.amazonaws.kms#NotFoundException"}`))}, nil
}

func TestKMSIsAskedWhereItIs(t *testing.T) {
	for _, row := range []struct {
		region    string
		variables map[string]string
		want      string
	}{
		{"eu-west-1", nil, "https://kms.eu-west-1.amazonaws.com/"},
		{"cn-north-1", nil, "https://kms.cn-north-1.amazonaws.com.cn/"},
		{"us-gov-west-1", nil, "https://kms.us-gov-west-1.amazonaws.com/"},
		{"eusc-de-east-1", nil, "https://kms.eusc-de-east-1.amazonaws.eu/"},
		{"us-iso-east-1", nil, "https://kms.us-iso-east-1.c2s.ic.gov/"},
		{"us-gov-west-1", map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"}, "https://kms-fips.us-gov-west-1.amazonaws.com/"},
		{"eu-west-1", map[string]string{"AWS_ENDPOINT_URL": "https://aws.example"}, "https://aws.example/"},
		{"eu-west-1", map[string]string{"AWS_ENDPOINT_URL": "https://aws.example", "AWS_ENDPOINT_URL_KMS": "http://127.0.0.1:5600/"}, "http://127.0.0.1:5600/"},
		{"eu-west-1", map[string]string{"AWS_ENDPOINT_URL_KMS": "https://aws.example", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}, "https://kms.eu-west-1.amazonaws.com/"},
		{"eu-west-1", map[string]string{"AWS_ENDPOINT_URL_SECRETS_MANAGER": "https://aws.example"}, "https://kms.eu-west-1.amazonaws.com/"},
	} {
		t.Run("", func(t *testing.T) {
			for name, value := range map[string]string{
				"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example", "AWS_REGION": row.region,
				"AWS_CONFIG_FILE": "/none", "AWS_SHARED_CREDENTIALS_FILE": "/none", "AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_KMS": "",
			} {
				t.Setenv(name, value)
			}
			for name, value := range row.variables {
				t.Setenv(name, value)
			}
			asked := new(seen)
			key, err := kms.New("alias/rollcall", func(ctx context.Context, _ string) (aws.Config, error) {
				cfg, err := config.LoadDefaultConfig(ctx)
				cfg.HTTPClient = asked
				return cfg, err
			})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := key.SignPSS(t.Context(), make([]byte, 32)); err == nil || asked.url != row.want || !strings.Contains(err.Error(), "NotFoundException") {
				t.Errorf("%s, %v: %s was asked: %v", row.region, row.variables, asked.url, err)
			}
		})
	}
}
