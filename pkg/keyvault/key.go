package keyvault

import (
	"context"
	"crypto/rsa"
	"errors"
	"net/http"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azkeys"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// Key is an RSA key that a vault keeps. It may be used by several goroutines. Make one with
// [Vaults.Key].
type Key struct {
	vaults *Vaults
	named  secret.VaultObject
	about  object
	of     *rsa.PublicKey

	mu     sync.Mutex
	client *azkeys.Client
	// version is the one that signs, "" until that is known.
	version string
}

// CheckKeyID returns a *[secret.Error] unless a text is the URL of a key. It does not quote
// the text.
func CheckKeyID(text string) error {
	_, err := parseKey(text)
	return err
}

func parseKey(text string) (secret.VaultObject, error) {
	const form = "write https://<vault>.vault.azure.net/keys/<name>, with /<version> for one of its versions"
	named, err := secret.ParseVaultURL(text)
	problem, advice := "KeyVaultKeyID is not the URL of a key in Key Vault", form
	switch {
	case err != nil:
		problem += ": it " + err.Error()
	case named.Collection == "secrets":
		problem, advice = problem+", but of a secret", form+"; where the whole secret is kept in a vault, ROLLCALL_CREDENTIALS says, as keyvault:<URL>"
	case named.Collection == "certificates":
		problem, advice = problem+", but of a certificate", "write /keys/ in the place of /certificates/: the key of a certificate has the same name"
	default:
		return named, nil
	}
	return secret.VaultObject{}, &secret.Error{Kind: secret.Malformed, Problem: problem, Advice: advice}
}

// Key returns the key with a URL, https://<vault>.<domain>/keys/<name>[/<version>]. Nothing is
// asked yet. Of a key without a version it is the version with the public key of, or the
// newest where that is nil. The error is a *[secret.Error].
func (v *Vaults) Key(url string, of *rsa.PublicKey) (*Key, error) {
	named, err := parseKey(url)
	if err != nil {
		return nil, err
	}
	if v == nil {
		return nil, &secret.Error{Kind: secret.Malformed, Problem: "KeyVaultKeyID is not for this function, which uses no key vaults", Advice: "name a KMS key, or a client secret"}
	}
	if problem, remedy := v.check(named.At); problem != "" {
		return nil, &secret.Error{Kind: secret.Malformed, Problem: "KeyVaultKeyID " + problem, Advice: remedy}
	}
	return &Key{vaults: v, named: named, about: keyAt(named), of: of, version: named.Version}, nil
}

// String returns the URL of the key, with the version as far as that is known.
func (k *Key) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	named := k.named
	named.Version = k.version
	return named.String()
}

// Public returns the public key. The error is a *[secret.Error], or wraps context.Canceled;
// it is one, too, for a key that does not sign.
func (k *Key) Public(ctx context.Context) (*rsa.PublicKey, error) {
	version, err := k.find(ctx)
	if err != nil {
		return nil, err
	}
	found, err := k.get(ctx, version)
	if err != nil {
		return nil, err
	}
	if why := k.useless(found); why != nil {
		return nil, why
	}
	return publicOf(found.Key), nil
}

// SignPSS signs a SHA-256 digest by RSASSA-PSS with MGF1 and a salt of 32 bytes, as PS256
// of RFC 7518 wants it. The error is a *[secret.Error], or wraps context.Canceled.
func (k *Key) SignPSS(ctx context.Context, digest []byte) ([]byte, error) {
	return k.sign(ctx, digest, azkeys.SignatureAlgorithmPS256)
}

// SignPKCS1 signs a SHA-256 digest by RSASSA-PKCS1-v1_5.
func (k *Key) SignPKCS1(ctx context.Context, digest []byte) ([]byte, error) {
	return k.sign(ctx, digest, azkeys.SignatureAlgorithmRS256)
}

func (k *Key) sign(ctx context.Context, digest []byte, algorithm azkeys.SignatureAlgorithm) ([]byte, error) {
	version, err := k.find(ctx)
	if err != nil {
		return nil, err
	}
	var out azkeys.SignResponse
	err = k.ask(ctx, func(ctx context.Context, c *azkeys.Client) (err error) {
		out, err = c.Sign(ctx, k.named.Name, version, azkeys.SignParameters{Algorithm: &algorithm, Value: digest}, nil)
		return err
	})
	var refused *secret.Error
	switch {
	case errors.As(err, &refused) && (refused.Status == http.StatusBadRequest || refused.Status == http.StatusForbidden):
		return nil, k.because(ctx, version, refused)
	case err != nil:
		return nil, err
	case len(out.Result) < minBytes || len(out.Result) > maxBytes:
		return nil, &secret.Error{Kind: secret.Malformed, Problem: "the answer of Key Vault holds no signature of an RSA key", Advice: "check KeyVaultKeyID, and a proxy on the way"}
	}
	return out.Result, nil
}

// because returns why a version does not sign, as far as the vault tells by what it says of
// the key; if it does not, the refusal.
func (k *Key) because(ctx context.Context, version string, refused *secret.Error) error {
	found, err := k.get(ctx, version)
	if err != nil {
		return refused
	}
	if why := k.useless(found); why != nil {
		why.Code, why.Status, why.RequestID = refused.Code, refused.Status, refused.RequestID
		return why
	}
	return refused
}

// get returns what the vault says of a version, "" for the newest.
func (k *Key) get(ctx context.Context, version string) (found azkeys.KeyBundle, err error) {
	err = k.ask(ctx, func(ctx context.Context, c *azkeys.Client) error {
		out, err := c.GetKey(ctx, k.named.Name, version, nil)
		found = out.KeyBundle
		return err
	})
	return found, err
}

// ask makes a request about the key.
func (k *Key) ask(ctx context.Context, request func(ctx context.Context, c *azkeys.Client) error) error {
	err := k.vaults.ask(ctx, k.named.At, k.about, func(ctx context.Context) error {
		c, err := k.connect()
		if err != nil {
			return err
		}
		return request(ctx, c)
	})
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	return err
}

// connect makes the client. Sign in that failed is tried again the next time.
func (k *Key) connect() (*azkeys.Client, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.client != nil {
		return k.client, nil
	}
	k.vaults.mu.Lock()
	defer k.vaults.mu.Unlock()
	options, err := k.vaults.options(k.named.At, k.allows)
	if err != nil {
		return nil, err
	}
	k.client, err = azkeys.NewClient(k.named.At.String(), signer{k.vaults.by}, &azkeys.ClientOptions{
		ClientOptions: options, DisableChallengeResourceVerification: true, // the door allows one resource alone
	})
	return k.client, err
}

// allows says which requests go to the vault: to read of this key and its versions, and to
// sign by one of them.
func (k *Key) allows(method, path string) bool {
	rest, ok := strings.CutPrefix(path, "/keys/"+k.named.Name+"/")
	version, operation, _ := strings.Cut(rest, "/")
	switch {
	case !ok:
		return false
	case method == http.MethodGet:
		return operation == "" // a version, or the word "versions"
	}
	return method == http.MethodPost && version != "" && operation == "sign"
}
