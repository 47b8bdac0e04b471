// Package jwt reads, verifies and signs JSON Web Tokens (RFC 7519) for the services of a
// simulated tenant. It imports only the standard library, so that what it accepts was
// verified by other code than the client's.
package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"slices"
	"strings"
)

// Header is what the first part of a token says.
type Header struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ,omitempty"`
	KeyID     string `json:"kid,omitempty"`
	// SHA1 and SHA256 are thumbprints of the signer's certificate, in some base64.
	SHA1   string `json:"x5t,omitempty"`
	SHA256 string `json:"x5t#S256,omitempty"`
}

// Claims are the registered claims of a token.
type Claims struct {
	Issuer    string   `json:"iss,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	Audience  Audience `json:"aud,omitempty"`
	ID        string   `json:"jti,omitempty"`
	IssuedAt  int64    `json:"iat,omitempty"`
	NotBefore int64    `json:"nbf,omitempty"`
	Expires   int64    `json:"exp,omitempty"`
}

// Audience is one text or a list of them.
type Audience []string

// UnmarshalJSON takes both forms.
func (a *Audience) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*a = Audience{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// MarshalJSON writes a single one as a text.
func (a Audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// Token is a token that was read, and not yet verified.
type Token struct {
	Header    Header
	Claims    Claims
	signed    string
	signature []byte
}

// Parse reads a token without verifying it.
func Parse(text string) (*Token, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, errors.New("a JSON Web Token has three parts")
	}
	t := &Token{signed: parts[0] + "." + parts[1]}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return nil, err
		}
	}
	t.signature = decoded[2]
	return t, errors.Join(json.Unmarshal(decoded[0], &t.Header), json.Unmarshal(decoded[1], &t.Claims))
}

// Verify reports whether a key made the token's signature by the algorithm that its header
// names: RS256, PS256 or ES384 (RFC 7518).
func (t *Token) Verify(key crypto.PublicKey) bool {
	digest := sha256.Sum256([]byte(t.signed))
	switch key := key.(type) {
	case *rsa.PublicKey:
		switch t.Header.Algorithm {
		case "RS256":
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], t.signature) == nil
		case "PS256":
			return rsa.VerifyPSS(key, crypto.SHA256, digest[:], t.signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
		}
	case *ecdsa.PublicKey:
		if longer := sha512.Sum384([]byte(t.signed)); t.Header.Algorithm == "ES384" && len(t.signature) == 96 {
			return ecdsa.Verify(key, longer[:], new(big.Int).SetBytes(t.signature[:48]), new(big.Int).SetBytes(t.signature[48:]))
		}
	}
	return false
}

// Sign makes a token with the header's algorithm, RS256 or ES384. claims is any JSON object.
func Sign(key crypto.Signer, header Header, claims any) (string, error) {
	head, headErr := json.Marshal(header)
	body, bodyErr := json.Marshal(claims)
	if err := errors.Join(headErr, bodyErr); err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	signature, err := sign(key, signed)
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), err
}

func sign(key crypto.Signer, signed string) ([]byte, error) {
	if elliptic, ok := key.(*ecdsa.PrivateKey); ok {
		digest := sha512.Sum384([]byte(signed))
		r, s, err := ecdsa.Sign(rand.Reader, elliptic, digest[:])
		if err != nil {
			return nil, err
		}
		return slices.Concat(r.FillBytes(make([]byte, 48)), s.FillBytes(make([]byte, 48))), nil
	}
	digest := sha256.Sum256([]byte(signed))
	return key.Sign(rand.Reader, digest[:], crypto.SHA256)
}
