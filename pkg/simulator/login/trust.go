package login

import (
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"strings"
	"sync"
	"time"
)

// Trust is what an app registration trusts besides client secrets: certificates, and
// tokens of other issuers.
type Trust struct {
	mu           sync.Mutex
	propagation  time.Duration
	certificates []*x509.Certificate
	federated    []federated
	tries        uint64
	presented    map[string]time.Time // ids of assertions, until they end
}

// FederatedCredential is a trust in the tokens of another issuer. All three are compared
// to the letter.
type FederatedCredential struct{ Issuer, Subject, Audience string }

type federated struct {
	FederatedCredential
	known time.Time // when it has been propagated everywhere
}

// AddCertificate registers a certificate.
func (t *Trust) AddCertificate(c *x509.Certificate) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.certificates = append(t.certificates, c)
}

// Key is a certificate as the registration shows it.
type Key struct {
	// Thumbprint is its SHA-1 hash.
	Thumbprint []byte
	// Start and End are when its life begins and ends.
	Start, End time.Time
}

// Keys returns the registered certificates.
func (t *Trust) Keys() (all []Key) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.certificates {
		sum := sha1.Sum(c.Raw)
		all = append(all, Key{sum[:], c.NotBefore, c.NotAfter})
	}
	return all
}

// RemoveCertificates removes all certificates.
func (t *Trust) RemoveCertificates() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.certificates = nil
}

// AddFederated adds a federated credential. It works at once, or on some requests only
// while it propagates.
func (t *Trust) AddFederated(c FederatedCredential) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.federated = append(t.federated, federated{c, time.Now().Add(t.propagation)})
}

// certificate finds a certificate by one of its thumbprints, nil for none.
func (t *Trust) certificate(of thumbprints) *x509.Certificate {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.certificates {
		long, short := sha256.Sum256(c.Raw), sha1.Sum(c.Raw)
		if of.sha256 == string(long[:]) || of.sha256 == "" && of.sha1 == string(short[:]) {
			return c
		}
	}
	return nil
}

// replayed reports whether an assertion was presented before, and remembers it.
func (t *Trust) replayed(id string, until time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for old, end := range t.presented {
		if now.After(end) {
			delete(t.presented, old)
		}
	}
	_, replayed := t.presented[id]
	if t.presented == nil {
		t.presented = map[string]time.Time{}
	}
	t.presented[id] = until
	return replayed
}

// match returns the AADSTS code of what no federated credential matches, or 0. While one
// propagates, some requests find it and others do not.
func (t *Trust) match(presented FederatedCredential) (code int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	code = 70021
	if len(t.federated) > 0 {
		code = 700211
	}
	for _, f := range t.federated {
		switch {
		case f.Issuer != presented.Issuer:
		case f.Subject != presented.Subject:
			code = 700213
			if strings.EqualFold(f.Subject, presented.Subject) {
				code = 7002138
			}
		case f.Audience != presented.Audience:
			code = 700212
		case now.Before(f.known):
			// Every other request fails, the first one included.
			if t.tries++; t.tries%2 == 1 {
				return 70021
			}
			return 0
		default:
			return 0
		}
	}
	return code
}
