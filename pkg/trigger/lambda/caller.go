package lambda

import (
	"errors"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/trigger"
)

// errAnonymous is why there is no caller at an API Gateway or a Function URL.
var errAnonymous = errors.New("the request carries no verified caller; give the route an IAM, JWT or Lambda authorizer, or mutual TLS")

// iamName names an IAM caller by ARN. The last part of an ARN, a user's or a
// session's name, may be an e-mail address (as with IAM Identity Center); then
// the unique id replaces it.
func iamName(arn, id string) string {
	id, _, _ = strings.Cut(id, ":") // less the session's name
	if at := strings.LastIndexByte(arn, '/'); at >= 0 {
		return trigger.CallerName(arn, arn[:at+1]+id, id)
	}
	return trigger.CallerName(arn, id)
}

// tokenCaller names the caller whom a token's claims describe, if one of the wanted
// roles is among them; none wanted lets every token pass. API Gateway itself compares
// scopes only, which tokens that an application has of Entra ID for itself lack.
func tokenCaller[V any](wanted []string, claims map[string]V) (string, error) {
	has := rolesOf(claims["roles"])
	if len(wanted) > 0 && !slices.ContainsFunc(wanted, func(role string) bool { return slices.Contains(has, role) }) {
		return "", trigger.ErrRole
	}
	return trigger.ClaimsName(claims), nil
}

// rolesOf reads a claim that is a list: as it was in the token, or as API Gateway
// writes lists into its events: [a b] for HTTP APIs, a,b for REST APIs.
func rolesOf(claim any) []string {
	switch claim := claim.(type) {
	case string:
		if inner, found := strings.CutPrefix(claim, "["); found {
			return strings.Fields(strings.TrimSuffix(inner, "]"))
		}
		return strings.Split(claim, ",")
	case []any:
		var roles []string
		for _, each := range claim {
			if role, ok := each.(string); ok {
				roles = append(roles, role)
			}
		}
		return roles
	}
	return nil
}

// authorizerName names the caller that a Lambda authorizer let in.
func authorizerName(answer map[string]any) string {
	return trigger.ClaimsName(answer, "principalId")
}

// certificateName names the owner of a client certificate. Its subject may contain
// an e-mail address; the serial number is the issuer's own name for it.
func certificateName(serial string) string {
	return trigger.CallerName("certificate:" + strings.ReplaceAll(serial, " ", ""))
}
