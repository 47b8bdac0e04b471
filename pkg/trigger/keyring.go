package trigger

import (
	"context"
	"crypto/ecdsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	maxKeys    = 16      // a region has a few at a time
	maxKey     = 4 << 10 // bytes of a published key; they have 178
	keyTimeout = 3 * time.Second
)

// keyring keeps public keys by the address at which they were read. A key never
// changes: its id is part of the address.
type keyring struct {
	mu   sync.Mutex
	kept map[string]*ecdsa.PublicKey
}

// key returns the key at url, from the keyring or from where it is published.
func (k *keyring) key(ctx context.Context, transport http.RoundTripper, url string) (*ecdsa.PublicKey, error) {
	k.mu.Lock()
	key := k.kept[url]
	k.mu.Unlock()
	if key != nil {
		return key, nil
	}
	return readKey(ctx, transport, url)
}

// keep remembers a key that has verified something; others' guesses at key ids
// push nothing out.
func (k *keyring) keep(url string, key *ecdsa.PublicKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept == nil || len(k.kept) >= maxKeys && k.kept[url] == nil {
		k.kept = map[string]*ecdsa.PublicKey{}
	}
	k.kept[url] = key
}

// readKey reads a key in PEM. A round trip follows no redirect.
func readKey(ctx context.Context, transport http.RoundTripper, url string) (*ecdsa.PublicKey, error) {
	ctx, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("its key has no address: %w", err)
	}
	response, err := transport.RoundTrip(r)
	if err != nil {
		return nil, errors.New("its key cannot be read; let the function reach " + r.URL.Host)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, errors.New("its key is not known to " + r.URL.Host)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxKey))
	if err != nil {
		return nil, errors.New("its key cannot be read; let the function reach " + r.URL.Host)
	}
	return parseKey(text)
}

func parseKey(text []byte) (*ecdsa.PublicKey, error) {
	errNoKey := errors.New("its key is not an elliptic curve key in PEM")
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errNoKey
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errNoKey
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return nil, errNoKey
	}
	return key, nil
}
