package lambda

import (
	"context"
	"crypto/ecdsa"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	maxKeys    = 16      // a region has a few at a time
	maxKey     = 4 << 10 // bytes of a published key; they have 178
	keyTimeout = 3 * time.Second
)

// keyring caches public keys by the address at which they were read. A key never
// changes: its id is part of the address.
type keyring struct {
	mu     sync.Mutex
	cached map[string]*ecdsa.PublicKey
}

// key returns the key at url, from the cache or from where it is published.
func (k *keyring) key(ctx context.Context, transport http.RoundTripper, url string) (*ecdsa.PublicKey, error) {
	k.mu.Lock()
	key := k.cached[url]
	k.mu.Unlock()
	if key != nil {
		return key, nil
	}
	return readKey(ctx, transport, url)
}

// keep caches a key that has verified a token: guessed key ids evict nothing.
func (k *keyring) keep(url string, key *ecdsa.PublicKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.cached == nil || len(k.cached) >= maxKeys && k.cached[url] == nil {
		k.cached = map[string]*ecdsa.PublicKey{}
	}
	k.cached[url] = key
}

// readKey reads a key in PEM. A round trip follows no redirect.
func readKey(ctx context.Context, transport http.RoundTripper, url string) (*ecdsa.PublicKey, error) {
	if transport == nil {
		transport = http.DefaultTransport
	}
	ctx, cancel := context.WithTimeout(ctx, keyTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, refusal("its key has no address")
	}
	unreadable := refusal("its key cannot be read; let the function reach " + r.URL.Host)
	response, err := transport.RoundTrip(r)
	if err != nil {
		return nil, unreadable
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return nil, refusal("its key is not known to " + r.URL.Host)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, maxKey))
	if err != nil {
		return nil, unreadable
	}
	key, err := jwt.ParseECPublicKeyFromPEM(text)
	if err != nil {
		return nil, refusal("its key is not an elliptic curve key in PEM")
	}
	return key, nil
}
