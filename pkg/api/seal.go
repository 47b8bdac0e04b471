package api

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/failure"
)

// Graph's skiptokens hold the userPrincipalName and the id of a page's last
// user, in plain bytes, whatever the columns. So callers get them sealed
// (AES-256-GCM), and bound to what chooses and orders the users: a token of one
// list opens no other.

// seal hides Graph's skiptoken from the caller.
func (a *API) seal(ctx context.Context, token string, o *options) (string, error) {
	box, err := a.box(ctx)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, box.NonceSize())
	_, _ = rand.Read(nonce) // never fails, see package crypto/rand
	return base64.RawURLEncoding.EncodeToString(box.Seal(nonce, nonce, []byte(token), o.bound())), nil
}

// unseal returns Graph's skiptoken, or that there is none in it.
func (a *API) unseal(ctx context.Context, sealed string, o *options) (string, error) {
	if sealed == "" {
		return "", nil
	}
	box, err := a.box(ctx)
	if err != nil {
		return "", err
	}
	text, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(text) < box.NonceSize() {
		return "", errNoToken()
	}
	token, err := box.Open(nil, text[:box.NonceSize()], text[box.NonceSize():], o.bound())
	if err != nil {
		return "", errNoToken()
	}
	return string(token), nil
}

func errNoToken() error {
	return failure.InvalidRequest("$skiptoken is not one that a page of this list held, or the key that sealed it has changed since; begin again with the first page")
}

// bound is what a token is valid for.
func (o *options) bound() []byte {
	return []byte(strings.Join([]string{o.filter, o.search, o.orderBy}, "\x00"))
}

func (a *API) box(ctx context.Context) (cipher.AEAD, error) {
	key, err := a.key(ctx)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal skiptokens: %w", err)
	}
	return cipher.NewGCM(block)
}

// ownKey is a key that only this process knows.
func ownKey() func(context.Context) ([]byte, error) {
	key := make([]byte, 32)
	_, err := rand.Read(key)
	return func(context.Context) ([]byte, error) { return key, errors.Join(err) }
}
