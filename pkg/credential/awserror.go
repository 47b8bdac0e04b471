package credential

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
)

// awsError turns what the SDK returned into an Error. AWS's own message is
// dropped: it carries the caller's session name, which for a person signed in by SSO
// is an e-mail address.
func awsError(err error) error {
	e := classifyAWS(err)
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		e.RequestID = plainID(response.RequestID)
		e.Status = response.HTTPStatusCode()
	}
	return e
}

func classifyAWS(err error) *Error {
	if service := foreignService(err); service != "" {
		return &Error{Kind: Forbidden, Problem: "AWS gave no credentials to read the secret with", Advice: "check the function's role, or sign in again with `aws sso login` (asked: " + service + ")"}
	}
	var api smithy.APIError
	switch {
	case errors.As(err, &api):
		e := byAWSCode(api.ErrorCode())
		e.AWSCode = plainID(api.ErrorCode())
		return e
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, new(*aws.RequestCanceledError)):
		return &Error{Kind: Unavailable, Problem: "Secrets Manager did not answer in time", Advice: "a function in a VPC needs a NAT gateway or an interface endpoint for it", Err: context.DeadlineExceeded}
	case brokenConnection(err) != "":
		return &Error{Kind: Unavailable, Problem: "Secrets Manager could not be reached: " + brokenConnection(err), Advice: "check the network, the proxy and AWS_ENDPOINT_URL", Err: err}
	}
	return &Error{Kind: Forbidden, Problem: "the request to Secrets Manager could not be made or read", Advice: "check the AWS credentials (aws sts get-caller-identity) and AWS_ENDPOINT_URL", Err: err}
}

// byAWSCode follows the errors of GetSecretValue and the common errors of AWS APIs.
func byAWSCode(code string) *Error {
	switch code {
	case "ResourceNotFoundException":
		return &Error{Kind: Missing, Problem: "the secret, or the version asked for, does not exist", Advice: "check its name, the region and the account; another account's secret is named by its ARN"}
	case "InvalidRequestException":
		return &Error{Kind: Missing, Problem: "the secret is scheduled for deletion or has no value", Advice: "restore it with `aws secretsmanager restore-secret`, or put a value into it"}
	case "InvalidParameterException", "ValidationException":
		return &Error{Kind: Missing, Problem: "Secrets Manager does not accept the secret's name, stage or version", Advice: "correct ROLLCALL_CREDENTIALS"}
	case "AccessDeniedException", "AccessDenied":
		return &Error{Kind: Forbidden, Problem: "this role may not read the secret", Advice: "allow secretsmanager:GetSecretValue on it, and kms:Decrypt if it has a key of its own"}
	case "DecryptionFailure", "DecryptionFailureException", "KMSAccessDeniedException":
		return &Error{Kind: Forbidden, Problem: "the secret could not be decrypted", Advice: "allow kms:Decrypt on its key, and check that the key is enabled"}
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
		"ExpiredTokenException", "ExpiredToken", "IncompleteSignature", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "OptInRequired":
		return &Error{Kind: Forbidden, Problem: "AWS does not accept this function's own credentials", Advice: "renew them, and check the clock"}
	case "ThrottlingException", "Throttling", "TooManyRequestsException":
		return &Error{Kind: Unavailable, Problem: "Secrets Manager is throttling this account", Advice: "try again later", again: true}
	}
	return &Error{Kind: Unavailable, Problem: "Secrets Manager answered with an error", Advice: "try again later", again: true}
}

// foreignService returns the service that failed when it was not Secrets Manager:
// the SDK asks others (sts, sso, the instance's metadata) for its credentials.
func foreignService(err error) string {
	for err != nil {
		var op *smithy.OperationError
		if !errors.As(err, &op) {
			return ""
		}
		if op.Service() != "Secrets Manager" {
			return op.Service()
		}
		err = op.Unwrap()
	}
	return ""
}

// plainID returns an id or a code of a service, and nothing for any text that is
// not plainly one.
func plainID(text string) string {
	if len(text) > 64 {
		return ""
	}
	for _, r := range text {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_' {
			return ""
		}
	}
	return text
}
