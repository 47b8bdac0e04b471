package credential

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
)

// Key derives a key of 32 bytes from the client secret (HKDF-SHA256, RFC 5869):
// all processes that hold the same secret have the same key, without another
// secret to keep, and a rotation ends its use. purpose keeps the keys for
// different uses apart. The error is that of reading the identity.
func (c *Credential) Key(ctx context.Context, purpose string) ([]byte, error) {
	id, err := c.Identity(ctx)
	if err != nil {
		return nil, err
	}
	return hkdf.Key(sha256.New, []byte(id.ClientSecret.Reveal()), []byte(id.ClientID), "rollcall "+purpose, 32)
}
