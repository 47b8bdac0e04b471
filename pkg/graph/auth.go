package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/retry"
)

// TokenSource supplies bearer tokens for the configured Graph host.
type TokenSource interface {
	// Token returns a valid access token. rejected is the token that Graph has
	// just refused, or "": a cache must not return it again. claims is the
	// decoded claims challenge (JSON) that Graph sent with the refusal, or "".
	Token(ctx context.Context, rejected, claims string) (string, error)
}

// maxRefusals is how many refused tokens, and how many claims challenges, a call
// answers with another token: tokens may be revoked again while a list is read.
const maxRefusals = 2

// authorized sends the request with a token. A token that is refused without a reason
// is sent once more, since such refusals may be mistaken; then it is replaced. A
// claims challenge is answered at once.
func (c *call) authorized(ctx context.Context) (*http.Response, error) {
	rejected, claims, repeated := "", "", false
	for {
		token, resp, err := c.attempt(ctx, rejected, claims)
		var answer *Error
		if !errors.As(err, &answer) || answer.Status != http.StatusUnauthorized {
			return resp, err
		}
		switch {
		case answer.claims != "" && c.challenged < maxRefusals:
			c.challenged++
			rejected, claims, repeated = token, answer.claims, false
		case answer.claims == "" && !repeated:
			rejected, claims, repeated = "", "", true
			if err := c.repeatToken(ctx, answer); err != nil {
				return nil, err
			}
			continue
		case answer.claims == "" && c.refreshed < maxRefusals:
			c.refreshed++
			rejected, claims, repeated = token, "", false
		default:
			return nil, err
		}
		c.client.log.WarnContext(ctx, "Graph refused the token; requesting a new one", "error", err, "challenge", answer.claims != "")
	}
}

// attempt sends the request once, as soon as the governor allows it, and returns the
// token that it was sent with.
func (c *call) attempt(ctx context.Context, rejected, claims string) (token string, _ *http.Response, err error) {
	if err := c.client.waitForQuota(ctx); err != nil {
		return "", nil, err
	}
	defer c.client.governor.leave()
	if token, err = c.client.tokens.Token(ctx, rejected, claims); err != nil {
		return "", nil, err
	}
	resp, err := c.client.send(ctx, c.request, token)
	return token, resp, err
}

// repeatToken waits before a refused token is sent once more.
func (c *call) repeatToken(ctx context.Context, answer *Error) error {
	wait := c.client.policy.Backoff(1)
	if !retry.Fits(ctx, wait) {
		return nil
	}
	c.stats.retried(ctx)
	c.client.log.Log(ctx, c.client.pauseLevel, "Graph refused the token; sending it once more", "error", answer, "wait", wait)
	c.client.onPause(retry.Pause{Host: c.client.base.Host, Why: "Graph refused the token", For: wait, Advice: "nothing to do: the token is sent once more, then replaced"})
	return retry.Wait(ctx, wait)
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
