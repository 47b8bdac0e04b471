package jwt

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
)

// Key is a public key of a key set, of RSA or of the curve P-384 (RFC 7517).
type Key struct {
	Type string `json:"kty"`
	Use  string `json:"use"`
	ID   string `json:"kid"`
	N    string `json:"n,omitempty"`
	E    string `json:"e,omitempty"`
	// Curve, X and Y are those of an elliptic key.
	Curve string `json:"crv,omitempty"`
	X     string `json:"x,omitempty"`
	Y     string `json:"y,omitempty"`
}

// KeySet is the document at a jwks_uri.
type KeySet struct {
	Keys []Key `json:"keys"`
}

// KeyOf describes a public key.
func KeyOf(id string, key crypto.PublicKey) Key {
	text := base64.RawURLEncoding.EncodeToString
	switch key := key.(type) {
	case *rsa.PublicKey:
		return Key{Type: "RSA", Use: "sig", ID: id, N: text(key.N.Bytes()), E: text(big.NewInt(int64(key.E)).Bytes())}
	case *ecdsa.PublicKey:
		if point, err := key.Bytes(); err == nil && len(point) == 97 {
			return Key{Type: "EC", Use: "sig", ID: id, Curve: "P-384", X: text(point[1:49]), Y: text(point[49:])}
		}
	}
	return Key{ID: id}
}

// Find returns the RSA key with an id, nil for none.
func Find(document []byte, id string) *rsa.PublicKey {
	var set KeySet
	if json.Unmarshal(document, &set) != nil {
		return nil
	}
	for _, key := range set.Keys {
		if key.ID != id || key.Type != "RSA" {
			continue
		}
		n, nErr := base64.RawURLEncoding.DecodeString(key.N)
		e, eErr := base64.RawURLEncoding.DecodeString(key.E)
		if nErr == nil && eErr == nil && len(n) >= 256 && len(e) <= 4 {
			return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
		}
	}
	return nil
}
