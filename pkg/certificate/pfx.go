package certificate

import (
	"errors"

	"software.sslmate.com/src/go-pkcs12"
)

// readPFX reads a PKCS#12 file (RFC 7292). golang.org/x/crypto/pkcs12, which azidentity
// uses, reads none that OpenSSL 3 or a recent Windows makes.
func (p *parts) readPFX(data []byte, password string) error {
	if costly(data) {
		return errCostly()
	}
	key, leaf, others, err := pkcs12.DecodeChain(data, password)
	if err != nil && password != "" {
		// The password of a file that has none may be left over.
		if k, l, o, without := pkcs12.DecodeChain(data, ""); without == nil {
			key, leaf, others, err = k, l, o, nil
		}
	}
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword), errors.Is(err, pkcs12.ErrDecryption):
		return wrongPassword(password)
	case err != nil:
		return &Error{"is a PFX without a readable private key and certificate, or no PFX at all", "export it again with its private key (openssl pkcs12 -export -inkey key.pem -in certificate.pem)"}
	}
	p.addCertificate(leaf)
	for _, c := range others {
		p.addCertificate(c)
	}
	if known, ok := key.(privateKey); ok {
		p.addKey(known)
	}
	return nil
}

// wrongPassword is the error of what a password does not open.
func wrongPassword(password string) error {
	if password == "" {
		return &Error{"is protected by a password, and none is given", "add it as CertificatePassword (with env: AZURE_CLIENT_CERTIFICATE_PASSWORD)"}
	}
	return &Error{"is protected by another password than the given one", "correct CertificatePassword (with env: AZURE_CLIENT_CERTIFICATE_PASSWORD)"}
}
