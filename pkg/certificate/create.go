package certificate

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"time"
)

// Sign signs a SHA-256 digest by RSASSA-PKCS1-v1_5.
type Sign func(ctx context.Context, digest []byte) (signature []byte, err error)

// Create makes a self-signed certificate of a public key whose private half only sign can
// use. subject is its common name; it is valid from an hour ago, so that no clock finds
// it too young, for the given time.
func Create(ctx context.Context, key *rsa.PublicKey, sign Sign, subject string, valid time.Duration) (*Certificate, error) {
	if _, err := rsaKey(key); err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC().Truncate(time.Second)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: subject},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(valid),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true, SignatureAlgorithm: x509.SHA256WithRSA,
	}
	signer := &signer{ctx, key, sign, nil}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key, signer)
	switch {
	case signer.err != nil:
		return nil, signer.err
	case err != nil:
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("make a certificate: %w", err)
	}
	return &Certificate{X509: made}, nil
}

// signer is a crypto.Signer that asks another place.
type signer struct {
	ctx  context.Context
	key  *rsa.PublicKey
	sign Sign
	err  error // of sign, which x509 does not wrap
}

// Public returns the public key.
func (s *signer) Public() crypto.PublicKey { return s.key }

// Sign signs a digest.
func (s *signer) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) (signature []byte, err error) {
	signature, s.err = s.sign(s.ctx, digest)
	return signature, s.err
}

// PEM returns the certificate in PEM, without any key.
func (c *Certificate) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.X509.Raw})
}
