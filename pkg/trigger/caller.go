package trigger

import (
	"errors"
	"strings"
)

// ErrRole is why a token does not verify a caller.
var ErrRole = errors.New("the caller's token has none of the roles that ROLLCALL_JWT_ROLES asks for; assign one to the caller, then get a new token")

// CallerName is what the log calls a verified caller: the first candidate that
// is fit for it, "" if none is. E-mail addresses are not: they name a person.
func CallerName(candidates ...string) string {
	for _, name := range candidates {
		if name != "" && len(name) <= 256 && !strings.ContainsFunc(name, unfit) {
			return name
		}
	}
	return ""
}

func unfit(r rune) bool { return r == '@' || r <= ' ' || r > '~' }

// ClaimsName is what the log calls the caller whom a token's claims describe: the
// claims named first, then subject and client id. A claim that is not text
// counts as missing.
func ClaimsName[V any](claims map[string]V, first ...string) string {
	var candidates []string
	for _, name := range append(first, "sub", "client_id", "azp", "appid", "cid") {
		text, _ := any(claims[name]).(string)
		candidates = append(candidates, text)
	}
	return CallerName(candidates...)
}
