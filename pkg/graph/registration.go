package graph

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/guid"
)

// Key is a certificate of an app registration: what Graph calls a keyCredential.
type Key struct {
	// KeyID is its GUID in lower case.
	KeyID string
	// Thumbprint is the SHA-1 hash of the certificate in hexadecimal digits, "" where Graph
	// does not tell.
	Thumbprint string
	// StartsAt and EndsAt bound its life, zero where Graph does not tell.
	StartsAt, EndsAt time.Time
}

// Registration is by what an app may sign in, as its registration has it.
type Registration struct {
	Passwords []Password
	Keys      []Key
}

// Registration reads the client secrets and certificates of the registration of an app,
// which is named by its client id. It asks once, and again only as every read does. The
// error is an [Error], or the cause of ctx.
//
// Source: "Get application" and "keyCredential resource type" of Graph v1.0.
func (c *Client) Registration(ctx context.Context, appID string) (found Registration, err error) {
	at, err := c.application(appID, "")
	if err != nil {
		return Registration{}, err
	}
	at.RawQuery = "$select=id,passwordCredentials,keyCredentials"
	err = c.read(ctx, request{url: at}, new(Stats), func(body []byte) (err error) {
		found, err = parseRegistration(body)
		return err
	})
	return found, err
}

// wireKey is a certificate as Graph writes it. The key itself, which is public, is not read.
type wireKey struct {
	KeyID      string     `json:"keyId"`
	Identifier string     `json:"customKeyIdentifier"`
	Starts     *time.Time `json:"startDateTime"`
	Ends       *time.Time `json:"endDateTime"`
}

func parseRegistration(body []byte) (r Registration, err error) {
	if r.Passwords, err = parsePasswords(body); err != nil {
		return Registration{}, err
	}
	var app struct {
		Keys []*wireKey `json:"keyCredentials"`
	}
	if json.Unmarshal(body, &app) != nil || app.Keys == nil {
		return Registration{}, errors.New("the response is not an app registration with its certificates")
	}
	if len(app.Keys) > maxPasswords {
		return Registration{}, fmt.Errorf("the response has more than %d certificates, which no registration has", maxPasswords)
	}
	for _, w := range app.Keys {
		switch {
		case w == nil:
			return Registration{}, errors.New("the response has a certificate that is null")
		case !guid.Valid(w.KeyID):
			return Registration{}, errors.New("the response has a certificate whose keyId is not a GUID")
		}
		k := Key{KeyID: asciiLower(w.KeyID), Thumbprint: thumbprint(w.Identifier)}
		if w.Starts != nil {
			k.StartsAt = w.Starts.UTC()
		}
		if w.Ends != nil {
			k.EndsAt = w.Ends.UTC()
		}
		r.Keys = append(r.Keys, k)
	}
	return r, nil
}

// thumbprint reads a customKeyIdentifier: the 20 bytes of a SHA-1 hash in base64, or in
// hexadecimal digits, as some tools store it. Whoever registers a key may write anything
// else, which is no thumbprint.
func thumbprint(text string) string {
	const size = 20
	if len(text) > maxPasswordText {
		return ""
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err == nil && len(decoded) == size {
		return hex.EncodeToString(decoded)
	}
	for _, digits := range []string{text, string(decoded)} {
		if sum, err := hex.DecodeString(digits); err == nil && len(sum) == size {
			return digits
		}
	}
	return ""
}
