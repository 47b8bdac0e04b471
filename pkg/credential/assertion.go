package credential

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/rollcall-dev/rollcall/pkg/certificate"
	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/kms"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// assertion makes client assertions (RFC 7523), a new one at each call.
type assertion func(ctx context.Context) (string, error)

// asserted makes azidentity's credential of an identity that presents assertions, which by
// makes.
func (c *Credential) asserted(by func(id Identity) (assertion, error)) func(id Identity) (azcore.TokenCredential, error) {
	return func(id Identity) (azcore.TokenCredential, error) {
		next, err := by(id)
		if err != nil {
			return nil, err
		}
		// azidentity forgets why there was no assertion, and the exchange remembers it.
		remember := func(ctx context.Context) (string, error) {
			text, err := next(ctx)
			if x, ok := ctx.Value(exchangeKey{}).(*exchange); ok && !errors.Is(err, errUnresolved) {
				x.unproven = err
			}
			return text, err
		}
		return azidentity.NewClientAssertionCredential(id.TenantID, id.ClientID, remember, &azidentity.ClientAssertionCredentialOptions{
			ClientOptions: c.login.options(), DisableInstanceDiscovery: true,
		})
	}
}

// sign signs the SHA-256 of an assertion as PS256 (RFC 7518) wants it.
type sign func(ctx context.Context, digest []byte) ([]byte, error)

// lifetime is how long an assertion is valid. Microsoft advises five to ten minutes.
const lifetime = 10 * time.Minute

// byCertificate makes assertions that the private key of the identity signs.
func (c *Credential) byCertificate(id Identity) (assertion, error) {
	key, err := decodeKey(id.PrivateKey)
	if err != nil {
		return nil, err
	}
	return c.signed(id, "the private key", func(_ context.Context, digest []byte) ([]byte, error) {
		return rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}), nil
}

// byKMS makes assertions that a KMS key signs.
func (c *Credential) byKMS(id Identity) (assertion, error) {
	key, err := kms.New(id.SigningKey, c.aws)
	if err != nil {
		return nil, err
	}
	return c.signed(id, "the KMS key "+id.SigningKey, key.SignPSS), nil
}

// byKeyVault makes assertions that a Key Vault key signs. That it is not one of this cloud's
// is found when one is made, as what a vault says is.
func (c *Credential) byKeyVault(id Identity) (assertion, error) {
	key, err := c.vaults.Key(id.SigningKey, (&certificate.Certificate{X509: id.Certificate}).Public())
	by := func(context.Context, []byte) ([]byte, error) { return nil, err }
	if err == nil {
		by = key.SignPSS
	}
	return c.signed(id, "the Key Vault key "+id.SigningKey, by), nil
}

// signed makes assertions by the certificate of an identity: Microsoft's form of 2025, with
// PS256 and x5t#S256 ("Microsoft identity platform application authentication certificate
// credentials"). signer says in errors whose key it is.
func (c *Credential) signed(id Identity, signer string, by sign) assertion {
	c509 := &certificate.Certificate{X509: id.Certificate}
	sum := c509.SHA256()
	header := encode(map[string]string{"alg": "PS256", "typ": "JWT", "x5t#S256": base64.RawURLEncoding.EncodeToString(sum[:])})
	return func(ctx context.Context) (string, error) {
		now := time.Now()
		if err := id.current(now); err != nil {
			return "", err
		}
		endpoint, err := c.tokenEndpoint(ctx, id)
		if err != nil {
			return "", err
		}
		text := header + "." + encode(map[string]any{
			"aud": endpoint, "iss": id.ClientID, "sub": id.ClientID, "jti": rand.Text(),
			"nbf": now.Unix(), "iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
		})
		digest := sha256.Sum256([]byte(text))
		signature, err := by(ctx, digest[:])
		if err != nil {
			return "", err
		}
		if rsa.VerifyPSS(c509.Public(), crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) != nil {
			return "", &Error{
				Kind: Malformed, Problem: signer + " is not the one that the certificate was made for",
				Advice: "put the certificate into Certificate that was made for this key, and register it on the app", rotated: true,
			}
		}
		return text + "." + base64.RawURLEncoding.EncodeToString(signature), nil
	}
}

// encode writes one part of a JSON Web Token.
func encode(part any) string {
	text, err := json.Marshal(part)
	if err != nil {
		return "" // of texts and numbers there is none
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// current returns an error if the certificate is not valid now: Entra ID would refuse it,
// and a rotated secret may hold another one.
func (id Identity) current(now time.Time) error {
	clock := " by the clock of this machine, which says " + now.UTC().Format(time.RFC3339)
	switch c := id.Certificate; {
	case now.After(c.NotAfter):
		return &Error{
			Kind: Rejected, Problem: "the certificate " + id.Thumbprint() + " expired on " + c.NotAfter.UTC().Format(time.RFC3339) + clock,
			Advice: "register a new certificate on the app and store it", rotated: true,
		}
	case now.Before(c.NotBefore):
		return &Error{
			Kind: Rejected, Problem: "the certificate " + id.Thumbprint() + " is not valid before " + c.NotBefore.UTC().Format(time.RFC3339) + clock,
			Advice: "wait until then, correct the clock, or use a certificate that is valid", rotated: true,
		}
	}
	return nil
}

// errUnresolved says that the login host did not tell a tenant's GUID; the exchange says why.
var errUnresolved = errors.New("the tenant is not resolved")

// tokenEndpoint is the audience of assertions, which names the tenant by its GUID.
func (c *Credential) tokenEndpoint(ctx context.Context, id Identity) (string, error) {
	tenant := strings.ToLower(id.TenantID)
	if !guid.Valid(tenant) {
		known := c.resolved[tenant]
		if known == "" {
			known = c.askTenant(ctx, tenant)
		}
		if known == "" {
			return "", errUnresolved
		}
		c.resolved[tenant], tenant = known, known
	}
	return c.login.url() + "/" + tenant + "/oauth2/v2.0/token", nil
}

// encodeKey and decodeKey write and read a private key in PKCS#8.
func encodeKey(key *rsa.PrivateKey) (secret.Text, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return secret.NewText(string(der)), err
}

func decodeKey(text secret.Text) (*rsa.PrivateKey, error) {
	key, err := x509.ParsePKCS8PrivateKey([]byte(text.Reveal()))
	if err != nil {
		return nil, err
	}
	rsaKey, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, x509.ErrUnsupportedAlgorithm
	}
	return rsaKey, nil
}
