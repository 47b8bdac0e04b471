package trigger

import (
	"errors"
	"strings"
)

// errAnonymous is why there is no caller at an API Gateway or a Function URL.
var errAnonymous = errors.New("the request carries no verified caller; give the route an IAM, JWT or Lambda authorizer, or mutual TLS")

// callerName is what the log calls a verified caller: the first candidate that
// is fit for it, "" if none is. E-mail addresses are not, for they name a person.
func callerName(candidates ...string) string {
	for _, name := range candidates {
		if name != "" && len(name) <= 256 && !strings.ContainsFunc(name, unfit) {
			return name
		}
	}
	return ""
}

func unfit(r rune) bool { return r == '@' || r <= ' ' || r > '~' }

// iamName names an IAM caller by ARN. The last part of an ARN, a user's or a
// session's name, may be an e-mail address (so with IAM Identity Center); then
// the unique id stands for it.
func iamName(arn, id string) string {
	id, _, _ = strings.Cut(id, ":") // less the session's name
	if at := strings.LastIndexByte(arn, '/'); at >= 0 {
		return callerName(arn, arn[:at+1]+id, id)
	}
	return callerName(arn, id)
}

// claimsName names the caller of a token by subject or client id.
func claimsName(claim func(name string) string) string {
	return callerName(claim("sub"), claim("client_id"), claim("azp"), claim("appid"), claim("cid"))
}

// textOf returns a member that is text.
func textOf[V any](members map[string]V) func(name string) string {
	return func(name string) string {
		text, _ := any(members[name]).(string)
		return text
	}
}

// authorizerName names the caller that a Lambda authorizer let in.
func authorizerName(answer map[string]any) string {
	text := textOf(answer)
	return callerName(text("principalId"), claimsName(text))
}

// certificateName names the holder of a client certificate. Its subject may hold
// an e-mail address; the serial number is the issuer's own name for it.
func certificateName(serial string) string {
	return callerName("certificate:" + strings.ReplaceAll(serial, " ", ""))
}
