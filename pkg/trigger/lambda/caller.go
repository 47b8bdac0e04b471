package lambda

import (
	"errors"
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

// authorizerName names the caller that a Lambda authorizer let in.
func authorizerName(answer map[string]any) string {
	return trigger.ClaimsName(answer, "principalId")
}

// certificateName names the owner of a client certificate. Its subject may contain
// an e-mail address; the serial number is the issuer's own name for it.
func certificateName(serial string) string {
	return trigger.CallerName("certificate:" + strings.ReplaceAll(serial, " ", ""))
}
