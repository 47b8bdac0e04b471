package main

import (
	"context"
	"crypto/rsa"
	"fmt"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/certificate"
	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/keyvault"
	"github.com/rollcall-dev/rollcall/pkg/kms"
	"github.com/rollcall-dev/rollcall/pkg/reader"
)

type certificateCommand struct {
	Create createCertificate `cmd:"" help:"Make a self-signed certificate of a key that never leaves the service that keeps it."`
}

type createCertificate struct {
	KMS      string `name:"kms" required:"" xor:"key" placeholder:"KEY" help:"The AWS KMS key: its ARN or id, or alias/ and a name."`
	KeyVault string `name:"keyvault" required:"" xor:"key" placeholder:"URL" help:"The Key Vault key: https://<vault>.vault.azure.net/keys/<name>[/<version>]."`
	Days     int    `default:"365" placeholder:"N" help:"How many days it is valid (${default})."`
	Subject  string `default:"rollcall" placeholder:"CN" help:"Its common name (${default})."`
}

// maxDays is the longest life of a certificate: ten years.
const maxDays = 3650

// Help is the rest of "rollcall certificate create --help".
func (createCertificate) Help() string {
	return `Makes the certificate by which the app registration knows a key of AWS KMS or Azure Key Vault, and prints it in PEM on
stdout. The service signs it; the private key stays there. The key is an RSA key for signing:

  aws kms create-key --key-spec RSA_2048 --key-usage SIGN_VERIFY
  az keyvault key create --vault-name <vault> --name rollcall --kty RSA --size 2048 --ops sign verify

It needs kms:GetPublicKey and kms:Sign (RSASSA_PKCS1_V1_5_SHA_256) on the KMS key; the functions need kms:Sign
(RSASSA_PSS_SHA_256) alone. On the Key Vault key both need the role Key Vault Crypto User; this command signs in to
the vault by its variables or by az login, and without a version takes the newest. What to do with the certificate is
printed on stderr.`
}

// keptKey is a key that a service keeps.
type keptKey interface {
	Public(ctx context.Context) (*rsa.PublicKey, error)
	SignPKCS1(ctx context.Context, digest []byte) ([]byte, error)
	String() string
}

// key returns the key that the flags name, and the field of the secret that names it.
func (c *createCertificate) key(p *program) (key keptKey, field string, err error) {
	if c.KeyVault == "" {
		if key, err = kms.New(c.KMS, nil); err != nil {
			return nil, "", &usageError{"--kms takes the ARN or the id of a KMS key, or alias/ and a name"}
		}
		return key, "KMSKeyID", nil
	}
	if err := keyvault.CheckKeyID(c.KeyVault); err != nil {
		return nil, "", &usageError{"--keyvault: " + err.Error()}
	}
	options, err := trust(p.environ)
	if err != nil {
		return nil, "", err
	}
	cfg, err := config.Read(p.environ)
	if err != nil {
		return nil, "", err
	}
	if key, err = reader.Vaults(cfg, options...).Key(c.KeyVault, nil); err != nil {
		return nil, "", err
	}
	return key, "KeyVaultKeyID", nil
}

// Run makes the certificate.
func (c *createCertificate) Run(ctx context.Context, p *program) error {
	switch {
	case c.Days < 1 || c.Days > maxDays:
		return &usageError{fmt.Sprintf("--days is a number from 1 to %d", maxDays)}
	case !isCommonName(c.Subject):
		return &usageError{"--subject is 1 to 64 printable characters"}
	}
	key, field, err := c.key(p)
	if err != nil {
		return err
	}
	public, err := key.Public(ctx)
	if err != nil {
		return fmt.Errorf("read the public key: %w", err)
	}
	made, err := certificate.Create(ctx, public, key.SignPKCS1, c.Subject, time.Duration(c.Days)*24*time.Hour)
	if err != nil {
		return fmt.Errorf("make the certificate: %w", err)
	}
	if _, err := p.out().Write(made.PEM()); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(p.stderr, `Certificate CN=%s, valid until %s, thumbprint %s

With it in the file rollcall.pem, register it on the app, whose other credentials stay:

  az ad app credential reset --append --id <client id> --cert @rollcall.pem

and store it beside the key:

  jq -n --rawfile pem rollcall.pem '{TenantID: "<tenant id>", ClientID: "<client id>", %s: "%s", Certificate: $pem}'
`, c.Subject, made.X509.NotAfter.Format(time.DateOnly), made.Thumbprint(), field, key)
	return nil
}

// isCommonName reports whether a text fits into the common name of a certificate, which
// other tools may show on a terminal.
func isCommonName(text string) bool {
	for _, r := range text {
		if r < ' ' || r > '~' {
			return false
		}
	}
	return text != "" && len(text) <= 64
}
