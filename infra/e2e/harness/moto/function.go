package moto

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloud"
)

// Function makes a Lambda function that does nothing, and returns its ARN: Secrets Manager
// begins a rotation only if there is a function for it. From then on moto needs no Docker to
// invoke functions, since it invokes none.
func (s *Server) Function(ctx context.Context, name string) (arn string, err error) {
	const trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	role := url.Values{"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {name}, "AssumeRolePolicyDocument": {trust}}
	function, err := json.Marshal(map[string]any{
		"FunctionName": name, "Runtime": "provided.al2023", "Handler": "bootstrap", "Role": "arn:aws:iam::" + cloud.Account + ":role/" + name,
		"Code": map[string][]byte{"ZipFile": emptyZip()},
	})
	if err != nil {
		return "", err
	}
	for _, r := range []struct{ service, path, kind, body string }{
		{"", "/moto-api/config", "application/json", `{"lambda":{"use_docker":false}}`},
		{"iam", "/", "application/x-www-form-urlencoded", role.Encode()},
		{"lambda", "/2015-03-31/functions", "application/json", string(function)},
	} {
		if err := s.post(ctx, r.service, r.path, r.kind, r.body); err != nil {
			return "", err
		}
	}
	return "arn:aws:lambda:" + cloud.Region + ":" + cloud.Account + ":function:" + name, nil
}

// emptyZip is an archive without files.
func emptyZip() []byte { return append([]byte("PK\x05\x06"), bytes.Repeat([]byte{0}, 18)...) }

// post sends a request of a service, whose signature moto does not check.
func (s *Server) post(ctx context.Context, service, path, kind, body string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", kind)
	if service != "" {
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=e2e/20260101/"+cloud.Region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= http.StatusMultipleChoices {
		return fmt.Errorf("moto answers %s with %s: %s, %w", path, resp.Status, answer, err)
	}
	return nil
}
