package simulator

import (
	"crypto/x509"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/login"
)

// FederatedCredential is a trust of the app registration in the tokens of another issuer.
type FederatedCredential = login.FederatedCredential

// AddCertificate registers a certificate on the app.
func (t *Tenant) AddCertificate(c *x509.Certificate) { t.login.Trust().AddCertificate(c) }

// RemoveCertificates removes the app's certificates.
func (t *Tenant) RemoveCertificates() { t.login.Trust().RemoveCertificates() }

// AddFederatedCredential adds a federated credential to the app, which matches to the
// letter. It works at once, or on some requests only while it propagates
// (Config.SecretPropagation).
func (t *Tenant) AddFederatedCredential(c FederatedCredential) { t.login.Trust().AddFederated(c) }

// WebIdentity is what the federated credential of the account's role must say for an
// audience.
func (t *Tenant) WebIdentity(audience string) FederatedCredential {
	return FederatedCredential{Issuer: t.account.Issuer(), Subject: t.config.Role, Audience: audience}
}

// RefuseWebIdentity makes the simulated Security Token Service refuse with an error code
// such as OutboundWebIdentityFederationDisabledException, AccessDenied or Throttling; ""
// ends that.
func (t *Tenant) RefuseWebIdentity(code string) { t.account.Refuse(code) }

// IssueWebIdentity returns a token of the account's issuer, signed by RS256 or ES384: what
// another platform would write into a file.
func (t *Tenant) IssueWebIdentity(subject, audience, algorithm string, lifetime time.Duration) (string, error) {
	return t.account.Issue(subject, audience, algorithm, lifetime)
}

// AddSigningKey makes a key of the simulated KMS, RSA_2048 or ECC_NIST_P256, and returns its
// ARN.
func (t *Tenant) AddSigningKey(spec string) (arn string, err error) { return t.kms.Add(spec) }

// RefuseSigningKey makes uses of a key of KMS fail with an error code such as
// DisabledException, AccessDeniedException or ThrottlingException; "" ends that.
func (t *Tenant) RefuseSigningKey(arn, code string) { t.kms.Refuse(arn, code) }
