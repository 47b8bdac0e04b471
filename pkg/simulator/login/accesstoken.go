package login

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
)

// accessToken is what a token says. On the wire it looks like the v1 tokens that
// Graph gets; clients must treat it as opaque, and its signature, like that of
// Graph's own, can be verified by nobody else.
type accessToken struct {
	Audience     string   `json:"aud"`
	Issuer       string   `json:"iss"`
	IssuedAt     int64    `json:"iat"`
	NotBefore    int64    `json:"nbf"`
	Expires      int64    `json:"exp"`
	AIO          string   `json:"aio"`
	DisplayName  string   `json:"app_displayname"`
	AppID        string   `json:"appid"`
	AppIDACR     string   `json:"appidacr"`
	IDP          string   `json:"idp"`
	IDType       string   `json:"idtyp"`
	ObjectID     string   `json:"oid"`
	RH           string   `json:"rh"`
	Roles        []string `json:"roles,omitempty"`
	Subject      string   `json:"sub"`
	Tenant       string   `json:"tid"`
	UTI          string   `json:"uti"`
	Version      string   `json:"ver"`
	Wids         []string `json:"wids"`
	Capabilities []string `json:"xms_cc,omitempty"`
	Answered     int64    `json:"xms_answered,omitempty"`
}

// keyID names the signing key.
const keyID = "c2ltdWxhdGVkLXRlbmFudC1rZXk"

// mint signs a token, which says whom it is for.
func (s *Service) mint(token accessToken, serial uint64) (string, error) {
	issuer := "https://sts.windows.net/" + s.config.Tenant + "/"
	token.Issuer, token.IDP, token.IDType = issuer, issuer, "app"
	token.Subject, token.Tenant = token.ObjectID, s.config.Tenant
	token.AIO = s.blob(serial, 0, 48)
	token.RH = "1." + s.blob(serial, 1, 36) + "."
	token.UTI = s.blob(serial, 2, 16)
	token.Version, token.Wids = "1.0", []string{"0997a1d0-0d1d-4acb-b408-d5ca73121e90"}
	payload, err := json.Marshal(token)
	if err != nil {
		return "", err
	}
	head := `{"typ":"JWT","nonce":"` + s.blob(serial, 3, 32) + `","alg":"RS256","x5t":"` + keyID + `","kid":"` + keyID + `"}`
	signed := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	return signed + "." + base64.RawURLEncoding.EncodeToString(s.sign(signed)), nil
}

// sign makes 256 bytes, as long as an RSA signature.
func (s *Service) sign(signed string) []byte {
	var out []byte
	for i := range byte(8) {
		mac := hmac.New(sha256.New, s.key)
		mac.Write([]byte{i})
		mac.Write([]byte(signed))
		out = mac.Sum(out)
	}
	return out
}

// blob is text without meaning, as long as its real counterpart.
func (s *Service) blob(serial uint64, kind byte, size int) string {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(strconv.AppendUint([]byte{kind}, serial, 10))
	sum := mac.Sum(nil)
	return base64.RawURLEncoding.EncodeToString(append(sum, sum...))[:size]
}

// Verdict is the verdict on an Authorization header.
type Verdict struct {
	// Word is absent, valid, invalid, expired or revoked.
	Word string
	// Message says in Graph's words what is wrong.
	Message string
	// Challenge is what the claims of a new token must answer, if it is revoked.
	Challenge int64
	// App is the client id of the app that a valid token is of.
	App string
}

// Verify verifies an Authorization header as Graph does on the host, and returns
// the token's roles.
func (s *Service) Verify(authorization, host string) (roles []string, verdict Verdict) {
	return s.verify(authorization, func(audience string) bool { return s.isGraph(audience, host) })
}

// Accepts reports whether an Authorization header opens what tokens of the audience are for.
func (s *Service) Accepts(authorization, audience string) bool {
	_, verdict := s.verify(authorization, func(of string) bool { return of == audience })
	return verdict.Word == "valid"
}

func (s *Service) verify(authorization string, isFor func(audience string) bool) (roles []string, verdict Verdict) {
	scheme, value, ok := strings.Cut(authorization, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || value == "" {
		return nil, Verdict{Word: "absent", Message: "Access token is empty."}
	}
	invalid := func(message string) ([]string, Verdict) { return nil, Verdict{Word: "invalid", Message: message} }
	last := max(strings.LastIndexByte(value, '.'), 0)
	signed, signature := value[:last], strings.TrimPrefix(value[last:], ".")
	head, payload, ok := strings.Cut(signed, ".")
	if !ok || head == "" {
		return invalid("IDX14100: JWT is not well formed, there are no dots (.).")
	}
	given, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || !hmac.Equal(given, s.sign(signed)) {
		return invalid("Invalid signature.")
	}
	var token accessToken
	body, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(body, &token) != nil {
		return invalid("CompactToken parsing failed with error code: 80049217")
	}
	now := time.Now().Unix()
	switch {
	case token.Expires <= now || token.NotBefore > now+300:
		return nil, Verdict{Word: "expired", Message: "Lifetime validation failed, the token is expired."}
	case !isFor(strings.TrimSuffix(token.Audience, "/")):
		return invalid("Access token validation failure. Invalid audience.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(token.Capabilities, "cp1") && token.Answered < s.challenged {
		return nil, Verdict{Word: "revoked", Challenge: s.challenged}
	}
	return token.Roles, Verdict{Word: "valid", App: token.AppID}
}

// RevokeTokens revokes every token issued so far to a client with the capability
// cp1, until the client presents one issued with the claims of the challenge,
// whose number is returned. As in reality, tokens of other clients stay valid.
func (s *Service) RevokeTokens() (challenge int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.challenged = max(s.challenged+1, time.Now().Unix())
	return s.challenged
}
