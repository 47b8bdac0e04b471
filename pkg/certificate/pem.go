package certificate

import (
	"crypto/x509"
	"strings"
)

const (
	begin = "-----BEGIN"
	end   = "-----END"
	dash  = "-----"
)

// readPEM reads all blocks of a text. encoding/pem wants every line break in its place;
// here they may be escaped, replaced by spaces or missing, as pasting leaves them. What
// stands between the blocks does not matter.
func readPEM(text, password string) (*parts, error) {
	p := new(parts)
	for {
		_, after, found := strings.Cut(text, begin)
		if !found {
			return p, nil
		}
		label, after, found := strings.Cut(after, dash)
		body, rest, ended := strings.Cut(after, end)
		if !found || !ended || strings.Contains(body, begin) {
			return nil, &Error{"is PEM that breaks off", "copy it whole, up to the last -----END line"}
		}
		if err := p.readBlock(strings.TrimSpace(label), body, password); err != nil {
			return nil, err
		}
		text = rest
	}
}

// readBlock reads the block of a label.
func (p *parts) readBlock(label, body, password string) error {
	isCertificate, isKey := label == "CERTIFICATE" || label == "X509 CERTIFICATE", strings.HasSuffix(label, "PRIVATE KEY")
	switch {
	case label == "CERTIFICATE REQUEST" || label == "NEW CERTIFICATE REQUEST":
		return &Error{"holds a certificate request, not a certificate", "put the certificate there that was made of it"}
	case label == "PKCS7":
		return &Error{"holds PKCS#7, which has no private key", "put the certificate's PEM and its key there (openssl pkcs7 -print_certs)"}
	case label == "OPENSSH PRIVATE KEY":
		return &Error{"holds a key in the format of SSH", "make a key and a certificate with openssl, or export a PFX"}
	case !isCertificate && !isKey:
		return nil // a public key, parameters
	case strings.Contains(body, "DEK-Info:"):
		return &Error{"holds a key that is encrypted in the old way of OpenSSL", "convert it: openssl pkcs8 -topk8 -in key.pem"}
	}
	data, ok := unbase64(body)
	switch {
	case !ok:
		return &Error{"is PEM that is damaged", "copy it again, whole and unchanged"}
	case isCertificate:
		c, err := x509.ParseCertificate(data)
		if err != nil {
			return &Error{"holds a certificate that cannot be read", "copy it again, whole and unchanged"}
		}
		p.addCertificate(c)
		return nil
	case label == "ENCRYPTED PRIVATE KEY":
		var err error
		if data, err = decryptPKCS8(data, password); err != nil {
			return err
		}
	}
	key, ok := parseKey(data)
	if !ok {
		return &Error{"holds a private key that cannot be read", "copy it again, whole and unchanged"}
	}
	p.addKey(key)
	return nil
}
