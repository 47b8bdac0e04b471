package lambda

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/rollcall-dev/rollcall/pkg/guid"
	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

// maxToken bounds a token; load balancers take claims of at most 11 KB.
const maxToken = 32 << 10

var errNoToken = errors.New("the request carries no verified caller; give the load balancer's rule an authenticate-oidc or authenticate-cognito action")

// refusal is why a token does not verify the caller. It never quotes the token.
type refusal string

func (why refusal) Error() string {
	return "the load balancer's x-amzn-oidc-data does not verify the caller: " + string(why)
}

// albCaller verifies the user that a load balancer has signed in, by its
// x-amzn-oidc-data: a JSON Web Token signed by ES256, whose parts are padded and
// whose header contains what elsewhere are claims. The claims are the identity
// provider's own, so none of them is checked.
func (h *HTTP) albCaller(ctx context.Context, targetGroup string, tokens []string) (string, error) {
	switch {
	case len(tokens) == 0:
		return "", errNoToken
	case h.AllowAnonymous:
		return "", nil // anybody may ask, so it is not worth reading a key
	case len(tokens) > 1:
		return "", refusal("there are several x-amzn-oidc-data headers")
	case len(tokens[0]) > maxToken:
		return "", refusal("it is not a token of three parts")
	}
	var url string
	var key *ecdsa.PublicKey
	parser := jwt.NewParser(jwt.WithValidMethods([]string{jwt.SigningMethodES256.Name}),
		jwt.WithPaddingAllowed(), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	token, err := parser.Parse(tokens[0], func(token *jwt.Token) (_ any, err error) {
		if url, err = h.checkHeader(token.Header, targetGroup, time.Now()); err != nil {
			return nil, err
		}
		if key, err = h.keys.key(ctx, h.Keys, url); err != nil {
			return nil, err
		}
		if key.Curve != elliptic.P256() {
			return nil, jwt.ErrTokenSignatureInvalid
		}
		return key, nil
	})
	if err != nil {
		return "", refusalOf(token, err)
	}
	h.keys.keep(url, key)
	claims, _ := token.Claims.(jwt.MapClaims)
	subject, _ := claims["sub"].(string)
	client, _ := token.Header["client"].(string)
	return trigger.CallerName(subject, client), nil
}

// refusalOf is why a token was refused; token is what could be parsed of it.
func refusalOf(token *jwt.Token, err error) error {
	var why refusal
	var encoding base64.CorruptInputError
	switch {
	case errors.As(err, &why):
		return why
	case token == nil:
		return refusal("it is not a token of three parts")
	case errors.As(err, &encoding):
		return refusal("a part of it is not base64url")
	case token.Claims == nil:
		return refusal("its header is not understood")
	case errors.Is(err, jwt.ErrTokenMalformed):
		return refusal("its claims are not a JSON object")
	case token.Method != jwt.SigningMethodES256:
		return refusal("its algorithm is not ES256")
	}
	return refusal("its signature is wrong")
}

// checkHeader checks everything but the signature and returns where the key is,
// so that a forged token seldom costs the reading of a key. The signer must be a
// load balancer of the target group's account, or the one that was configured: anyone
// can have one that signs whatever they like.
func (h *HTTP) checkHeader(header map[string]any, targetGroup string, now time.Time) (keyURL string, err error) {
	text, _ := header["signer"].(string)
	own, signer := strings.SplitN(targetGroup, ":", 6), strings.SplitN(text, ":", 6)
	expires, numeric := header["exp"].(float64)
	keyID, _ := header["kid"].(string)
	switch {
	case len(own) != 6 || len(signer) != 6 || strings.Join(own[:5], ":") != strings.Join(signer[:5], ":"):
		return "", refusal("its signer is not a load balancer of this account and region")
	case !strings.HasPrefix(signer[5], "loadbalancer/app/"):
		return "", refusal("its signer is not an application load balancer")
	case h.LoadBalancer != "" && text != h.LoadBalancer:
		return "", refusal("its signer is not the load balancer that ROLLCALL_LOAD_BALANCER names")
	case header["exp"] != nil && !numeric:
		return "", refusal("its header is not understood")
	case float64(int64(expires)) != expires || !now.Before(time.Unix(int64(expires), 0)):
		return "", refusal("it has expired")
	}
	return keyAddress(own[1], own[3], keyID)
}

// keyAddress is where AWS publishes a key, see "Authenticate users using an
// Application Load Balancer" in the ELB guide.
func keyAddress(partition, region, keyID string) (string, error) {
	if !guid.Valid(keyID) {
		return "", refusal("its key id is not a UUID")
	}
	if region == "" || strings.Trim(region, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return "", refusal("the target group's region is not understood")
	}
	switch partition {
	case "aws":
		return "https://public-keys.auth.elb." + region + ".amazonaws.com/" + keyID, nil
	case "aws-cn":
		return "https://public-keys.auth.elb." + region + ".amazonaws.com.cn/" + keyID, nil
	case "aws-us-gov":
		return "https://s3-" + region + ".amazonaws.com/aws-elb-public-keys-prod-" + region + "/" + keyID, nil
	}
	return "", refusal("where its key is published in this partition is not known")
}
