package login

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/jwt"
	"github.com/rollcall-dev/rollcall/pkg/simulator/wire"
)

const (
	jwtBearer = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// skew is how far two clocks may be apart.
	skew = 5 * time.Minute
	// stamp is how the service writes a time.
	stamp = "2006-01-02T15:04:05.0000000Z"
)

// thumbprints are those that an assertion names, "" for none.
type thumbprints struct{ sha1, sha256 string }

// checkAssertion verifies a client assertion: of the app itself, signed with the key of a
// registered certificate, or of an issuer that the app trusts.
func (s *Service) checkAssertion(x *wire.Exchange, trust *Trust, clientID string, form url.Values) *refusal {
	if form.Get("client_assertion_type") != jwtBearer {
		return refuse(900144, "client_assertion_type")
	}
	token, err := jwt.Parse(form.Get("client_assertion"))
	if err != nil {
		return refuse(50027, "The token is malformed")
	}
	claims := token.Claims
	if strings.HasPrefix(claims.Issuer, "https://") {
		return s.checkFederated(x, trust, token)
	}
	if r := trust.checkSignature(token, clientID); r != nil {
		return r
	}
	switch {
	case claims.Issuer != clientID || claims.Subject != clientID:
		return refuse(700021)
	case len(claims.Audience) != 1 || claims.Audience[0] != x.Base()+"/"+s.config.Tenant+"/oauth2/v2.0/token":
		return refuse(700023)
	case !current(claims):
		return refuse(700024, time.Now().UTC().Format(stamp), time.Unix(claims.NotBefore, 0).UTC().Format(stamp), time.Unix(claims.Expires, 0).UTC().Format(stamp))
	case claims.ID == "":
		return refuse(50027, "The token has no jti")
	case trust.replayed(claims.ID, time.Unix(claims.Expires, 0).Add(skew)):
		// Not documented. RFC 7523 (section 3) lets a service refuse it.
		return refuse(50013, "The token was presented before")
	}
	return nil
}

// checkSignature finds the certificate that an assertion names, and verifies the signature
// by it.
func (t *Trust) checkSignature(token *jwt.Token, clientID string) *refusal {
	named := thumbprints{thumbprint(token.Header.SHA1), thumbprint(token.Header.SHA256)}
	if named == (thumbprints{}) {
		return refuse(50027, "No certificate thumbprint specified in token header")
	}
	shown := strings.ToUpper(hexOf(named))
	found := t.certificate(named)
	if found == nil {
		return refuse(700027, "The key was not found., Thumbprint of key used by client: '"+shown+"'", clientID)
	}
	key := "Thumbprint of key used by client: '" + shown + "', Found key 'Start=" + found.NotBefore.UTC().Format("01/02/2006 15:04:05") + ", End=" + found.NotAfter.UTC().Format("01/02/2006 15:04:05") + "'"
	now := time.Now()
	switch algorithm := token.Header.Algorithm; {
	case now.After(found.NotAfter):
		return refuse(700027, "The key used is expired., "+key, clientID)
	case now.Before(found.NotBefore):
		return refuse(700027, "The key used is not yet valid., "+key, clientID)
	case algorithm != "PS256" && algorithm != "RS256":
		return refuse(50027, "The algorithm '"+algorithm+"' is not supported")
	case !token.Verify(found.PublicKey):
		return refuse(700027, "The provided signature value did not match the expected signature value., "+key, clientID)
	}
	return nil
}

// thumbprint decodes a thumbprint in either alphabet of base64, with or without padding.
func thumbprint(text string) string {
	plain := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	sum, err := base64.RawStdEncoding.DecodeString(plain)
	if err != nil {
		return ""
	}
	return string(sum)
}

// current reports whether now is within a token's times.
func current(claims jwt.Claims) bool {
	now := time.Now()
	return claims.Expires != 0 && now.Add(-skew).Before(time.Unix(claims.Expires, 0)) && (claims.NotBefore == 0 || !now.Add(skew).Before(time.Unix(claims.NotBefore, 0)))
}

// hexOf is the thumbprint that an assertion names, in hexadecimal.
func hexOf(named thumbprints) string {
	if named.sha256 != "" {
		return hex.EncodeToString([]byte(named.sha256))
	}
	return hex.EncodeToString([]byte(named.sha1))
}
