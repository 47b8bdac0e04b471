package reader

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// minSealKey is the length of the shortest text that is taken for a key, in bytes.
const minSealKey = 32

// SealKey returns the 32 bytes that the API seals skiptokens with, the same in every
// process of a deployment. They are derived from the text that ROLLCALL_SEAL_KEY
// names, so that a rotated client secret does not end links in flight; without the
// variable from the client secret or the private key. What is too short, or no secret at all, gives a
// *[config.Error]; other errors are those of reading the secret.
func (r *Reader) SealKey(ctx context.Context) ([]byte, error) {
	if r.seal != nil {
		return r.seal.Get(ctx)
	}
	id, err := r.Credential.Identity(ctx)
	if err != nil {
		return nil, err
	}
	return derivedSealKey(id)
}

// derivedSealKey derives the key from what is secret about the identity. An app that
// keeps no secret has nothing but public ids, of which anybody could make the key.
func derivedSealKey(id credential.Identity) ([]byte, error) {
	switch {
	case !id.ClientSecret.IsZero():
		return derive(id.ClientSecret)
	case !id.PrivateKey.IsZero():
		return derive(id.PrivateKey)
	}
	return nil, unsealed("is needed: the app's credentials hold no client secret or private key to derive the key of links to the next page from",
		"write secretsmanager:<ARN or name> or file:<path>")
}

// sealKey returns the cached key of the text at source.
func sealKey(source secret.Source, by secret.Access, log *slog.Logger) (*secret.Cache[[]byte], error) {
	reader, err := secret.NewReader(source, by)
	if err != nil {
		return nil, fmt.Errorf("ROLLCALL_SEAL_KEY: %w", err)
	}
	return secret.NewCache(source, 0, log, func(ctx context.Context) ([]byte, error) {
		content, err := reader.Read(ctx)
		if err != nil {
			return nil, fmt.Errorf("ROLLCALL_SEAL_KEY: %w", err)
		}
		text := strings.TrimSpace(string(content))
		if len(text) < minSealKey {
			return nil, unsealed("names a text that is too short to be a key",
				fmt.Sprintf("put at least %d bytes of random text there, such as: openssl rand -base64 %d", minSealKey, minSealKey))
		}
		return derive(secret.NewText(text))
	}), nil
}

// derive makes a key by HKDF-SHA256 (RFC 5869). Its purpose keeps it apart from
// every other key that might be derived from the same text.
func derive(text secret.Text) ([]byte, error) {
	return hkdf.Key(sha256.New, []byte(text.Reveal()), nil, "rollcall skiptoken", 32)
}

func unsealed(problem, remedy string) error {
	return &config.Error{Problems: []config.Problem{{Variable: "ROLLCALL_SEAL_KEY", Text: problem, Remedy: remedy}}}
}
