package vault

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
)

// newSigner makes a key that signs: of the curve P-256, or RSA of 2,048 bits.
func newSigner(elliptical bool) (crypto.Signer, error) {
	if elliptical {
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	return rsa.GenerateKey(rand.Reader, 2048)
}
