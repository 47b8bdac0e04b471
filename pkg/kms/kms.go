// Package kms signs with RSA keys that AWS KMS keeps and nobody can read. It shares
// the errors and the AWS configuration of package secret.
package kms

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// timeout bounds one call, further attempts included.
const timeout = 15 * time.Second

// Key is an asymmetric KMS key. It is safe for concurrent use. Make one with [New].
type Key struct {
	id     string
	region string
	load   secret.LoadAWS

	mu     sync.Mutex
	client *client
}

// New returns the key with an id, which is an ARN, a key id, or alias/ and a name. Nothing
// is asked yet. load defaults to the AWS SDK's own. The error is a *[secret.Error], which
// does not quote the id.
func New(id string, load secret.LoadAWS) (*Key, error) {
	region, ok := parse(id)
	if !ok {
		return nil, &secret.Error{Kind: secret.Malformed, Problem: "KMSKeyID does not name a KMS key", Advice: "write its ARN, arn:aws:kms:<region>:<account>:key/<id>"}
	}
	return &Key{id: id, region: region, load: load}, nil
}

// parse checks an id, and returns the region that it names, "" for the standard one. It is
// arn:<partition>:kms:<region>:<account>:key/<id>, the same with alias/<name>, or <id> or
// alias/<name> alone.
func parse(id string) (region string, ok bool) {
	resource, named := strings.CutPrefix(id, "arn:")
	if named {
		parts := strings.Split(resource, ":")
		if len(parts) != 5 || parts[1] != "kms" || !consists(parts[0], "-") || !consists(parts[2], "-") || !consists(parts[3], "") {
			return "", false
		}
		region, resource = parts[2], parts[4]
	}
	kind, name, _ := strings.Cut(resource, "/")
	switch {
	case kind == "alias":
		return region, consists(name, "-_/")
	case named:
		return region, kind == "key" && isKey(name)
	}
	return "", isKey(resource)
}

// isKey reports whether a text is the id of a key: a GUID, or mrk- and its 32 digits for
// one of several regions.
func isKey(id string) bool {
	digits, several := strings.CutPrefix(id, "mrk-")
	return guid.Valid(id) || several && len(digits) == 32 && strings.Trim(digits, "0123456789abcdef") == ""
}

// consists reports whether a text is some ASCII letters, digits and characters of others.
func consists(text, others string) bool {
	return text != "" && len(text) <= 256 && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"+others) == ""
}

// String returns the id.
func (k *Key) String() string { return k.id }

// SignPSS signs a SHA-256 digest by RSASSA-PSS with MGF1 and a salt of 32 bytes, as PS256
// of RFC 7518 wants it. The error is a *[secret.Error], or wraps context.Canceled.
func (k *Key) SignPSS(ctx context.Context, digest []byte) ([]byte, error) {
	return k.sign(ctx, digest, "RSASSA_PSS_SHA_256")
}

// SignPKCS1 signs a SHA-256 digest by RSASSA-PKCS1-v1_5.
func (k *Key) SignPKCS1(ctx context.Context, digest []byte) ([]byte, error) {
	return k.sign(ctx, digest, "RSASSA_PKCS1_V1_5_SHA_256")
}

func (k *Key) sign(ctx context.Context, digest []byte, algorithm string) ([]byte, error) {
	var out struct{ Signature []byte }
	err := k.call(ctx, "Sign", map[string]any{"KeyId": k.id, "Message": digest, "MessageType": "DIGEST", "SigningAlgorithm": algorithm}, &out)
	return out.Signature, err
}

// Public returns the public key.
func (k *Key) Public(ctx context.Context) (*rsa.PublicKey, error) {
	var out struct {
		PublicKey []byte
		KeyUsage  string
	}
	if err := k.call(ctx, "GetPublicKey", map[string]any{"KeyId": k.id}, &out); err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKIXPublicKey(out.PublicKey)
	key, ok := parsed.(*rsa.PublicKey)
	if err != nil || !ok || out.KeyUsage != "SIGN_VERIFY" {
		return nil, unfit()
	}
	return key, nil
}

// call asks KMS for an operation.
func (k *Key) call(ctx context.Context, operation string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, err := k.connect(ctx)
	if err != nil {
		return err
	}
	if err := c.call(ctx, operation, in, out); err != nil {
		return k.service().Explain(err)
	}
	return nil
}

// connect makes the client. A configuration that did not load is tried again the next time.
func (k *Key) connect(ctx context.Context) (*client, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.client != nil {
		return k.client, nil
	}
	cfg, err := k.service().Configure(ctx, k.load, k.region, ", or name the key by its ARN")
	if err != nil {
		return nil, err
	}
	at, err := endpoint(ctx, cfg)
	if err != nil {
		return nil, k.service().Explain(err)
	}
	if err := k.service().CheckEndpoint(&at); err != nil {
		return nil, err
	}
	k.client = newClient(cfg, at)
	return k.client, nil
}

// service is KMS as errors tell of it.
func (k *Key) service() *secret.AWS {
	return &secret.AWS{ID: serviceID, Name: "KMS", Variable: "AWS_ENDPOINT_URL_KMS", Purpose: "sign", Refused: k.refused}
}

// refused follows the errors of Sign and GetPublicKey.
func (k *Key) refused(code string) *secret.Error {
	switch code {
	case "AccessDeniedException", "AccessDenied":
		return &secret.Error{
			Kind: secret.Forbidden, Problem: "this role may not use the KMS key " + k.id,
			Advice: `allow it in the role's policy, and in the key's if the key is of another account: {"Effect":"Allow","Action":["kms:Sign"],"Resource":"` + k.arn() +
				`","Condition":{"StringEquals":{"kms:SigningAlgorithm":"RSASSA_PSS_SHA_256","kms:MessageType":"DIGEST"}}} (rollcall certificate create needs kms:GetPublicKey, and RSASSA_PKCS1_V1_5_SHA_256 as well)`,
		}
	case "NotFoundException":
		return &secret.Error{Kind: secret.Missing, Problem: "there is no KMS key " + k.id, Advice: "check its id, the region and the account; a key of another account is named by its ARN"}
	case "DisabledException":
		return &secret.Error{Kind: secret.Forbidden, Problem: "the KMS key " + k.id + " is disabled", Advice: "enable it: aws kms enable-key --key-id " + k.id}
	case "KMSInvalidStateException":
		return &secret.Error{Kind: secret.Forbidden, Problem: "the KMS key " + k.id + " is scheduled for deletion, or not ready", Advice: "see its state: aws kms describe-key --key-id " + k.id + "; aws kms cancel-key-deletion takes a deletion back"}
	case "InvalidKeyUsageException", "ValidationException", "UnsupportedOperationException":
		return unfit()
	case "KeyUnavailableException", "DependencyTimeoutException", "KMSInternalException":
		return &secret.Error{Kind: secret.Unavailable, Problem: "KMS could not use the key just now", Advice: "try again later"}
	}
	return nil
}

// arn is the id if that is the ARN of a key, which is what a policy takes.
func (k *Key) arn() string {
	if strings.HasPrefix(k.id, "arn:") && strings.Contains(k.id, ":key/") {
		return k.id
	}
	return "<ARN of the key>"
}

// unfit is the error of a key of another kind.
func unfit() *secret.Error {
	return &secret.Error{
		Kind: secret.Malformed, Problem: "the KMS key is not an RSA key that signs, and Entra ID takes no other",
		Advice: "make one: aws kms create-key --key-spec RSA_2048 --key-usage SIGN_VERIFY",
	}
}
