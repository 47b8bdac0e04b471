package simulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// accessToken is what a token says. On the wire it looks like the v1 tokens that
// Graph gets; clients are to treat it as opaque, and its signature, like that
// of Graph's own, can be checked by nobody else.
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

type roleSet []string

func (s roleSet) any(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { return slices.Contains(s, name) })
}

// mint signs a token.
func (t *Tenant) mint(token accessToken, serial uint64) (string, error) {
	issuer := "https://sts.windows.net/" + t.config.Tenant + "/"
	principal := guidFrom(t.config.Seed+2, 1).String()
	token.Issuer, token.IDP = issuer, issuer
	token.DisplayName, token.AppID, token.AppIDACR, token.IDType = "rollcall", t.config.ClientID, "1", "app"
	token.ObjectID, token.Subject, token.Tenant = principal, principal, t.config.Tenant
	token.AIO = blob(t.key, serial, 0, 48)
	token.RH = "1." + blob(t.key, serial, 1, 36) + "."
	token.UTI = blob(t.key, serial, 2, 16)
	token.Version, token.Wids = "1.0", []string{"0997a1d0-0d1d-4acb-b408-d5ca73121e90"}
	payload, err := json.Marshal(token)
	if err != nil {
		return "", err
	}
	head := `{"typ":"JWT","nonce":"` + blob(t.key, serial, 3, 32) + `","alg":"RS256","x5t":"` + keyID + `","kid":"` + keyID + `"}`
	signed := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	return signed + "." + base64.RawURLEncoding.EncodeToString(t.sign(signed)), nil
}

// keyID names the signing key.
const keyID = "c2ltdWxhdGVkLXRlbmFudC1rZXk"

// sign makes 256 bytes, as long as an RSA signature.
func (t *Tenant) sign(signed string) []byte {
	var out []byte
	for i := range byte(8) {
		mac := hmac.New(sha256.New, t.key)
		mac.Write([]byte{i})
		mac.Write([]byte(signed))
		out = mac.Sum(out)
	}
	return out
}

// blob is text without meaning, as long as its real counterpart.
func blob(key []byte, serial uint64, kind byte, size int) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(appendUint([]byte{kind}, serial))
	sum := mac.Sum(nil)
	text := base64.RawURLEncoding.EncodeToString(append(sum, sum...))
	return text[:size]
}

// authenticate judges the Authorization header as Graph does.
func (x *exchange) authenticate() *graphError {
	verdict, refusal := x.judge()
	x.tenant.journal.note(x.entry, func(e *Request) { e.Authorization = verdict })
	return refusal
}

func (x *exchange) judge() (verdict string, refusal *graphError) {
	t := x.tenant
	scheme, value, ok := strings.Cut(x.r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") || value == "" {
		return "absent", unauthorised("Access token is empty.")
	}
	signed, signature, ok := cutLast(value, '.')
	head, payload, two := strings.Cut(signed, ".")
	if !ok || !two || head == "" {
		return "invalid", unauthorised("IDX14100: JWT is not well formed, there are no dots (.).")
	}
	given, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil || !hmac.Equal(given, t.sign(signed)) {
		return "invalid", unauthorised("Invalid signature.")
	}
	body, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(body, &x.token) != nil {
		return "invalid", unauthorised("CompactToken parsing failed with error code: 80049217")
	}
	now := time.Now().Unix()
	switch {
	case x.token.Expires <= now || x.token.NotBefore > now+300:
		return "expired", unauthorised("Lifetime validation failed, the token is expired.")
	case !t.graphAudience(x.token.Audience, x.r.Host):
		return "invalid", unauthorised("Access token validation failure. Invalid audience.")
	}
	t.mu.Lock()
	challenged := t.challenged
	t.mu.Unlock()
	if slices.Contains(x.token.Capabilities, "cp1") && x.token.Answered < challenged {
		return "revoked", challenge(challenged)
	}
	return "valid", nil
}

func cutLast(s string, sep byte) (before, after string, ok bool) {
	if i := strings.LastIndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

// graphAudience says whether a token for the resource opens Graph.
func (t *Tenant) graphAudience(audience, host string) bool {
	switch strings.TrimSuffix(audience, "/") {
	case "https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000", "https://" + host:
		return true
	default:
		return false
	}
}

// wwwAuthenticate is Graph's header on a 401.
func wwwAuthenticate() string {
	return `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`
}

func unauthorised(message string) *graphError {
	return refuse(401, "InvalidAuthenticationToken", message).with("WWW-Authenticate", wwwAuthenticate())
}

// challenge is Graph's answer to a revoked token of a client that has declared
// that it understands (continuous access evaluation).
func challenge(number int64) *graphError {
	claims := `{"access_token":{"nbf":{"essential":true,"value":"` + string(appendUint(nil, uint64(max(number, 0)))) + `"}}}`
	return refuse(401, "InvalidAuthenticationToken",
		"Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenCreatedWithOutdatedPolicies").
		with("WWW-Authenticate", wwwAuthenticate()+`, error="insufficient_claims", claims="`+base64.StdEncoding.EncodeToString([]byte(claims))+`"`)
}

// RevokeTokens makes Graph challenge every token that was bought so far by a
// client with the capability cp1, until it brings one bought with the claims of
// the challenge. As in reality, tokens of other clients stay good.
func (t *Tenant) RevokeTokens() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.challenged = max(t.challenged+1, time.Now().Unix())
}
