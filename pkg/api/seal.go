package api

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/failure"
)

// Graph's skiptokens contain the userPrincipalName and the id of a page's last
// user, in plain bytes, whatever the columns. So callers get them sealed
// (AES-256-GCM) and bound to the filter, search and order: a token of one list
// is not valid for another. They are padded, since the length of a token is that of the
// last user's name.

// advancedMark begins the sealed text of a token that belongs to an advanced query. No
// token of Graph's begins so.
const advancedMark = "~"

// padding is what the length of a sealed text is a multiple of, in bytes. Nearly all of
// Graph's tokens are shorter, and the link still fits what gateways take, 8 KB.
const padding = 1 << 10

// pad fills a token up with zero bytes, which no token ends in.
func pad(token string) []byte {
	padded := make([]byte, (len(token)+padding-1)/padding*padding)
	copy(padded, token)
	return padded
}

// seal hides Graph's skiptoken from the caller.
func (a *API) seal(ctx context.Context, token string, isAdvanced bool, o *options) (string, error) {
	if isAdvanced {
		token = advancedMark + token
	}
	gcm, err := a.gcm(ctx)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(nonce) // never fails, see package crypto/rand
	return base64.RawURLEncoding.EncodeToString(gcm.Seal(nonce, nonce, pad(token), o.sealedFor())), nil
}

// unseal returns Graph's skiptoken and whether it is one of an advanced query, or an
// error if sealed does not contain one for the list of o.
func (a *API) unseal(ctx context.Context, sealed string, o *options) (token string, isAdvanced bool, err error) {
	if sealed == "" {
		return "", false, nil
	}
	gcm, err := a.gcm(ctx)
	if err != nil {
		return "", false, err
	}
	text, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(text) < gcm.NonceSize() {
		return "", false, errInvalidToken()
	}
	opened, err := gcm.Open(nil, text[:gcm.NonceSize()], text[gcm.NonceSize():], o.sealedFor())
	if err != nil {
		return "", false, errInvalidToken()
	}
	token, isAdvanced = strings.CutPrefix(strings.TrimRight(string(opened), "\x00"), advancedMark)
	return token, isAdvanced, nil
}

func errInvalidToken() error {
	return failure.InvalidRequest("$skiptoken is not from a page of this list, or the key that sealed it has changed since; begin again with the first page")
}

// sealedFor identifies the list that a token is valid for.
func (o *options) sealedFor() []byte {
	return []byte(strings.Join([]string{o.filter, o.search, o.orderBy}, "\x00"))
}

func (a *API) gcm(ctx context.Context) (cipher.AEAD, error) {
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

// randomKey is a key that only this process knows.
func randomKey() func(context.Context) ([]byte, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails, see package crypto/rand
	return func(context.Context) ([]byte, error) { return key, nil }
}
