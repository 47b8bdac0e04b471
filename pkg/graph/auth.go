package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
)

// TokenSource supplies bearer tokens for the configured Graph host.
type TokenSource interface {
	// Token returns a valid access token. rejected is the token that Graph has
	// just refused, or "": a cache must not return it again. claims is the
	// decoded claims challenge (JSON) that Graph sent with the refusal, or "".
	Token(ctx context.Context, rejected, claims string) (string, error)
}

// authorized sends the request with a token. In the life of a call a refused
// token is replaced once and a claims challenge is answered once.
func (c *call) authorized(ctx context.Context) (*http.Response, error) {
	if err := c.client.governor.wait(ctx); err != nil {
		return nil, err
	}
	rejected, claims := "", ""
	for {
		token, err := c.client.tokens.Token(ctx, rejected, claims)
		if err != nil {
			return nil, err
		}
		resp, err := c.client.send(ctx, c.request, token)
		var answer *Error
		if !errors.As(err, &answer) || answer.Status != http.StatusUnauthorized {
			return resp, err
		}
		switch {
		case answer.claims != "" && !c.challenged:
			c.challenged = true
		case answer.claims == "" && !c.refreshed:
			c.refreshed = true
		default:
			return nil, err
		}
		c.client.log.WarnContext(ctx, "Graph refused the token; requesting a new one", "error", err, "challenge", answer.claims != "")
		rejected, claims = token, answer.claims
	}
}

// claimsChallenge returns the decoded claims of a continuous access evaluation
// challenge (WWW-Authenticate: Bearer … error="insufficient_claims",
// claims="<base64 JSON>"), or "". There may be several such headers and the
// parameters come in any order.
func claimsChallenge(h http.Header) string {
	for _, value := range h.Values("WWW-Authenticate") {
		scheme, params, ok := strings.Cut(strings.TrimSpace(value), " ")
		if !ok || !strings.EqualFold(scheme, "Bearer") {
			continue
		}
		if claims := decodeClaims(authParam(params, "claims")); claims != "" {
			return claims
		}
	}
	return ""
}

// authParam returns one parameter of a challenge: name="quoted" or name=token.
func authParam(params, name string) string {
	for params != "" {
		key, rest, ok := strings.Cut(params, "=")
		if !ok {
			return ""
		}
		var value string
		if quoted, isQuoted := strings.CutPrefix(strings.TrimLeft(rest, " "), `"`); isQuoted {
			value, params, _ = strings.Cut(quoted, `"`)
			_, params, _ = strings.Cut(params, ",")
		} else {
			value, params, _ = strings.Cut(rest, ",")
		}
		if strings.EqualFold(strings.TrimSpace(key), name) {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

func decodeClaims(encoded string) string {
	encoded = strings.TrimRight(encoded, "=")
	decoded, err := base64.RawStdEncoding.DecodeString(encoded)
	if err != nil {
		decoded, err = base64.RawURLEncoding.DecodeString(encoded)
	}
	if err != nil || !json.Valid(decoded) {
		return ""
	}
	return string(decoded)
}
