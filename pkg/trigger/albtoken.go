package trigger

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"time"
)

// albToken is what a load balancer says of a user whom it has signed in, in
// x-amzn-oidc-data: a JSON Web Token signed by ES256, whose parts are padded and
// whose header holds what elsewhere are claims.
type albToken struct {
	Algorithm string      `json:"alg"`
	KeyID     string      `json:"kid"`
	Signer    string      `json:"signer"`
	Client    string      `json:"client"`
	Expires   json.Number `json:"exp"`

	signed    string // header and claims as they were signed
	claims    []byte
	signature []byte
}

// maxToken bounds a token; load balancers take claims of at most 11 KB.
const maxToken = 32 << 10

var errNoToken = errors.New("the request carries no verified caller; give the load balancer's rule an authenticate-oidc or authenticate-cognito action")

// albCaller verifies the token that a load balancer added. What is cheap to look
// at comes first, so that a forged token seldom asks for a key.
func (l *Lambda) albCaller(ctx context.Context, targetGroup string, tokens []string) (string, error) {
	switch {
	case len(tokens) == 0:
		return "", errNoToken
	case l.AllowAnonymous:
		return "", nil // nothing hangs on it, so it is not worth a key
	case len(tokens) > 1:
		return "", refused("there are several x-amzn-oidc-data headers")
	}
	token, err := parseToken(tokens[0])
	if err != nil {
		return "", err
	}
	url, err := token.check(targetGroup, time.Now())
	if err != nil {
		return "", err
	}
	transport := l.Keys
	if transport == nil {
		transport = http.DefaultTransport
	}
	key, err := l.keys.key(ctx, transport, url)
	if err != nil {
		return "", refused(err.Error())
	}
	if !token.signedBy(key) {
		return "", refused("its signature is wrong")
	}
	l.keys.keep(url, key)
	var claims map[string]any
	if json.Unmarshal(token.claims, &claims) != nil {
		return "", refused("its claims are not a JSON object")
	}
	return callerName(textOf(claims)("sub"), token.Client), nil
}

// refused says why a token does not hold, without repeating any of it.
func refused(why string) error {
	return fmt.Errorf("the load balancer's x-amzn-oidc-data does not verify the caller: %s", why)
}

func parseToken(text string) (*albToken, error) {
	parts := strings.Split(text, ".")
	if len(text) > maxToken || len(parts) != 3 {
		return nil, refused("it is not a token of three parts")
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(part, "=")); err != nil {
			return nil, refused("a part of it is not base64url")
		}
	}
	token := &albToken{signed: parts[0] + "." + parts[1], claims: decoded[1], signature: decoded[2]}
	if json.Unmarshal(decoded[0], token) != nil {
		return nil, refused("its header is not understood")
	}
	return token, nil
}

// check looks at everything but the signature and returns where the key is. The
// signer must be a load balancer of the target group's account: anyone can have
// one that signs whatever he likes.
func (t *albToken) check(targetGroup string, now time.Time) (keyURL string, err error) {
	own, signer := strings.SplitN(targetGroup, ":", 6), strings.SplitN(t.Signer, ":", 6)
	expires, numeric := t.Expires.Int64()
	switch {
	case t.Algorithm != "ES256":
		return "", refused("its algorithm is not ES256")
	case len(own) != 6 || len(signer) != 6 || strings.Join(own[:5], ":") != strings.Join(signer[:5], ":"):
		return "", refused("its signer is not a load balancer of this account and region")
	case !strings.HasPrefix(signer[5], "loadbalancer/app/"):
		return "", refused("its signer is not an application load balancer")
	case numeric != nil || !now.Before(time.Unix(expires, 0)):
		return "", refused("it has expired")
	}
	return keyAddress(own[1], own[3], t.KeyID)
}

// keyAddress is where AWS publishes a key, see "Authenticate users using an
// Application Load Balancer" in the ELB guide.
func keyAddress(partition, region, keyID string) (string, error) {
	if !isUUID(keyID) {
		return "", refused("its key id is not a UUID")
	}
	if region == "" || strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "", refused("the target group's region is not understood")
	}
	switch partition {
	case "aws":
		return "https://public-keys.auth.elb." + region + ".amazonaws.com/" + keyID, nil
	case "aws-cn":
		return "https://public-keys.auth.elb." + region + ".amazonaws.com.cn/" + keyID, nil
	case "aws-us-gov":
		return "https://s3-" + region + ".amazonaws.com/aws-elb-public-keys-prod-" + region + "/" + keyID, nil
	}
	return "", refused("where its key is published in this partition is not known")
}

// isUUID keeps everything out of an address that could change where it points.
func isUUID(id string) bool {
	if len(id) != 36 {
		return false
	}
	for i := range len(id) {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (id[i] == '-') || !dash && strings.IndexByte("0123456789abcdefABCDEF", id[i]) < 0 {
			return false
		}
	}
	return true
}

// signedBy checks the signature: two numbers of 32 bytes, over SHA-256.
func (t *albToken) signedBy(key *ecdsa.PublicKey) bool {
	const size = 32
	if len(t.signature) != 2*size || key.Curve != elliptic.P256() {
		return false
	}
	digest := sha256.Sum256([]byte(t.signed))
	r, s := new(big.Int).SetBytes(t.signature[:size]), new(big.Int).SetBytes(t.signature[size:])
	return ecdsa.Verify(key, digest[:], r, s)
}
