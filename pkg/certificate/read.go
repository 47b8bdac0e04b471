package certificate

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// MaxSize is how long a text is looked at, in bytes: as long as a secret may be.
const MaxSize = 64 << 10

// parts are what a text holds.
type parts struct {
	certificates []*x509.Certificate
	keys         []privateKey
}

// privateKey is what every private key of the standard library does.
type privateKey interface {
	Public() crypto.PublicKey
	Equal(crypto.PrivateKey) bool
}

func (p *parts) addCertificate(c *x509.Certificate) {
	for _, known := range p.certificates {
		if known.Equal(c) {
			return
		}
	}
	p.certificates = append(p.certificates, c)
}

func (p *parts) addKey(key privateKey) {
	for _, known := range p.keys {
		if known.Equal(key) {
			return
		}
	}
	p.keys = append(p.keys, key)
}

// read takes a text apart. It may be wrapped in base64 once.
func read(text []byte, password string) (*parts, error) {
	if len(text) > MaxSize {
		return nil, &Error{"is larger than 64 KiB", "keep the certificate and its key alone"}
	}
	if isDER(text) {
		return readDER(text, password)
	}
	plain := string(secret.UTF8(text))
	switch {
	case plain == "":
		return nil, &Error{"is empty", adviceForms}
	case strings.Contains(plain, begin):
		return readPEM(plain, password)
	}
	inner, ok := unbase64(plain)
	switch {
	case !ok:
		return nil, &Error{"is neither PEM nor base64", adviceForms}
	case isDER(inner):
		return readDER(inner, password)
	}
	if plain = string(secret.UTF8(inner)); strings.Contains(plain, begin) {
		return readPEM(plain, password)
	}
	return nil, &Error{"is base64, but of nothing that holds a certificate", adviceForms}
}

const adviceForms = "put PEM there, from -----BEGIN to the last -----END, or a PFX in base64 (base64 -w0 app.pfx)"

// isDER reports whether data is one ASN.1 sequence of some length, as certificates and
// PFX files are.
func isDER(data []byte) bool { return len(data) > 4 && data[0] == 0x30 && data[1] >= 0x80 }

// unbase64 decodes base64 of either alphabet, with or without padding and line breaks.
func unbase64(text string) ([]byte, bool) {
	plain := base64Replacer().Replace(text)
	data, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(plain, "="))
	return data, err == nil && len(data) > 0
}

// base64Replacer removes what breaks lines, also where that was escaped, and the quotes
// that come along.
func base64Replacer() *strings.Replacer {
	return strings.NewReplacer(`\r`, "", `\n`, "", `\t`, "", "\r", "", "\n", "", "\t", "", " ", "", "\u00a0", "", `"`, "", "'", "", "-", "+", "_", "/")
}

// readDER reads a PFX file, a certificate or a key alone.
func readDER(data []byte, password string) (*parts, error) {
	p := new(parts)
	if c, err := x509.ParseCertificate(data); err == nil {
		p.addCertificate(c)
		return p, nil
	}
	if key, ok := parseKey(data); ok {
		p.addKey(key)
		return p, nil
	}
	return p, p.readPFX(data, password)
}

// parseKey reads a private key in PKCS#8, PKCS#1 or SEC 1.
func parseKey(data []byte) (privateKey, bool) {
	if key, err := x509.ParsePKCS8PrivateKey(data); err == nil {
		known, ok := key.(privateKey)
		return known, ok
	}
	if key, err := x509.ParsePKCS1PrivateKey(data); err == nil {
		return key, true
	}
	key, err := x509.ParseECPrivateKey(data)
	return key, err == nil
}
