package graph

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

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
