package simulator

import (
	"crypto/x509"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/login"
	"github.com/rollcall-dev/rollcall/pkg/simulator/vault"
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

// VaultKeyState is what the simulated Key Vault says of a version of a key.
type VaultKeyState = vault.KeyState

// AddVaultKey makes a version of a key in the simulated Key Vault, of the kind RSA, RSA-HSM or
// EC, which is its newest, and returns the version.
func (t *Tenant) AddVaultKey(name, kind string) (version string, err error) {
	return t.vault.AddKey(name, kind)
}

// ChangeVaultKey changes the state of a version of a key in Key Vault, "" for the newest.
func (t *Tenant) ChangeVaultKey(name, version string, to VaultKeyState) error {
	return t.vault.ChangeKey(name, version, to)
}

// DeleteVaultKey deletes a key in Key Vault with all versions, softly, as all vaults do.
func (t *Tenant) DeleteVaultKey(name string) error { return t.vault.DeleteKey(name) }

// RefuseVaultKey makes requests about a key in Key Vault fail by a code like those of
// RefuseVaultSecret; "" ends that.
func (t *Tenant) RefuseVaultKey(name, code string) error { return t.vault.RefuseKey(name, code) }
