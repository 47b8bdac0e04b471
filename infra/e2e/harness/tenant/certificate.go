package tenant

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
)

// CertifyKMS makes a key in the KMS of the tenant's AWS account and, by the command line of
// users, the certificate around it, which the app does not yet have. env leads the command to
// AWS.
func (t *Tenant) CertifyKMS(ctx context.Context, command string, env []string) (arn, text string, made *x509.Certificate, err error) {
	if arn, err = t.AddSigningKey("RSA_2048"); err != nil {
		return "", "", nil, err
	}
	text, made, err = Certify(ctx, command, slices.Concat(env, t.KMS()), "--kms", arn)
	return arn, text, made, err
}

// Certify makes a certificate around a key, by the command line of users and its flags that
// name the key.
func Certify(ctx context.Context, command string, env []string, key ...string) (text string, made *x509.Certificate, err error) {
	var out, log bytes.Buffer
	cmd := process.NewCommand(ctx, command, slices.Concat([]string{"certificate", "create"}, key)...)
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &out, &log
	if err := cmd.Run(); err != nil {
		return "", nil, fmt.Errorf("make a certificate: %w: %s", err, log.String())
	}
	block, _ := pem.Decode(out.Bytes())
	if block == nil {
		return "", nil, fmt.Errorf("the certificate is no PEM: %s", out.String())
	}
	made, err = x509.ParseCertificate(block.Bytes)
	return out.String(), made, err
}

// KMS is the environment of a program that reaches the KMS of the tenant's AWS account.
func (a Access) KMS() []string {
	return []string{"AWS_ENDPOINT_URL_KMS=" + a.URL, "AWS_CA_BUNDLE=" + a.Authorities}
}
