// Package certificate reads certificates and their private keys in the forms in which
// people keep and paste them, and makes self-signed ones for keys that never leave the
// service that keeps them.
//
// Entra ID takes RSA keys only, so this package does. Its errors are *[Error] and quote
// nothing that was read. It imports package secret, for the encodings of texts.
package certificate

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Error says what is wrong with a text that should hold a certificate.
type Error struct {
	// Problem is a predicate ("holds no private key"), Advice says what to do next.
	Problem, Advice string
}

// Error returns the problem and what to do about it.
func (e *Error) Error() string { return e.Problem + ": " + e.Advice }

// Certificate is a certificate and, where it was read with one, its private key.
type Certificate struct {
	// X509 is the certificate. Its public key is an RSA key.
	X509 *x509.Certificate
	// Key is the private key of its public key, nil where there is none.
	Key *rsa.PrivateKey
}

// minBits is the length of the shortest key that Entra ID takes.
const minBits = 2048

// Parse reads a certificate and its private key: PEM with both in any order, PKCS#12
// (PFX) in DER or base64, or base64 of PEM. password decrypts the key, "" for none. Of
// several certificates it takes the one that fits the key.
func Parse(text []byte, password string) (*Certificate, error) {
	p, err := read(text, password)
	switch {
	case err != nil:
		return nil, err
	case len(p.keys) == 0:
		return nil, &Error{"holds no private key", "put the PEM of the key and that of the certificate together, or export a PFX with its private key"}
	case len(p.certificates) == 0:
		return nil, &Error{"holds no certificate", "put the PEM of the certificate beside that of its key: the certificate is what the app registration shows, too"}
	case len(p.keys) > 1:
		return nil, &Error{"holds several private keys", "keep the one of the certificate that is registered on the app"}
	}
	key := p.keys[0]
	public, err := rsaKey(key.Public())
	if err != nil {
		return nil, err
	}
	private, _ := key.(*rsa.PrivateKey)
	found := p.fitting(public)
	if found == nil {
		return nil, &Error{"holds a private key that does not belong to the certificate", "put the key there that the certificate was made with"}
	}
	return &Certificate{found, private}, nil
}

// ParsePublic reads a certificate alone, in PEM, DER or base64, whose key another place
// keeps. withKey tells that there is a private key beside it, which nobody needs.
func ParsePublic(text []byte) (_ *Certificate, withKey bool, err error) {
	p, err := read(text, "")
	switch {
	case err != nil:
		return nil, false, err
	case len(p.certificates) == 0:
		return nil, false, &Error{"holds no certificate", "put the certificate there, which begins with -----BEGIN CERTIFICATE-----"}
	case len(p.certificates) > 1:
		return nil, false, &Error{"holds several certificates", "keep the one that was made for the key"}
	}
	if _, err := rsaKey(p.certificates[0].PublicKey); err != nil {
		return nil, false, err
	}
	return &Certificate{X509: p.certificates[0]}, len(p.keys) > 0, nil
}

// fitting returns the certificate of a public key, nil for none. Of several, which share
// the key when one was renewed, it is one that is valid now, and of these the one that
// ends last.
func (p *parts) fitting(key *rsa.PublicKey) *x509.Certificate {
	var found *x509.Certificate
	for _, c := range p.certificates {
		switch {
		case !key.Equal(c.PublicKey):
		case found == nil, valid(c) && !valid(found), valid(c) == valid(found) && c.NotAfter.After(found.NotAfter):
			found = c
		}
	}
	return found
}

func valid(c *x509.Certificate) bool {
	now := time.Now()
	return !now.Before(c.NotBefore) && !now.After(c.NotAfter)
}

// rsaKey returns the RSA key that a public key must be.
func rsaKey(key any) (*rsa.PublicKey, error) {
	public, ok := key.(*rsa.PublicKey)
	switch {
	case !ok:
		return nil, &Error{"has a key that is not an RSA key, and Entra ID takes no other", "make a certificate with an RSA key of 2048 bits or more"}
	case public.N.BitLen() < minBits:
		return nil, &Error{fmt.Sprintf("has an RSA key of %d bits, which is too short", public.N.BitLen()), "make a certificate with an RSA key of 2048 bits or more"}
	}
	return public, nil
}

// Public is the certificate's public key.
func (c *Certificate) Public() *rsa.PublicKey {
	key, _ := c.X509.PublicKey.(*rsa.PublicKey)
	return key
}

// Thumbprint is how the portal names the certificate: the SHA-1 of its DER in hexadecimal.
func (c *Certificate) Thumbprint() string {
	sum := sha1.Sum(c.X509.Raw)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// SHA256 is the SHA-256 of the certificate's DER, by which an assertion names it (x5t#S256).
func (c *Certificate) SHA256() [sha256.Size]byte { return sha256.Sum256(c.X509.Raw) }
