package awsbus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis/awsapi"
)

// call is what was asked of a service; see the fields of [Spec].
type call struct{ service, action, on string }

// refusal says what the SDK's err, which is not nil, means for the request. AWS's
// own message is dropped: it carries the caller's session name, which for a person
// signed in by SSO is an e-mail address, and it may quote the text sent.
func (c call) refusal(err error) *bus.Refusal {
	f := awsapi.Of(c.service, err)
	r := c.classify(f, err)
	r.Retry = r.Retry || f.Retryable
	if f.Status > 0 {
		r.RequestID = f.RequestID
		r.Retry = r.Retry || f.Status >= http.StatusInternalServerError || f.Status == http.StatusTooManyRequests
		if r.Code == "" {
			r.Code = fmt.Sprintf("HTTP %d", f.Status)
		}
	}
	return r
}

func (c call) classify(f diagnosis.Failure, err error) *bus.Refusal {
	const network = "check the region, the network, the proxy and AWS_ENDPOINT_URL; a function in a VPC needs a NAT gateway or an interface endpoint"
	switch {
	case f.Other != "":
		return &bus.Refusal{
			Problem: "AWS gave no credentials to publish with",
			Remedy:  "check the function's role, or sign in again with `aws sso login` (asked: " + f.Other + ")",
		}
	case f.Answered:
		return c.byCode(f.Code)
	case errors.As(err, new(*smithy.DeserializationError)):
		return &bus.Refusal{Problem: "the answer of " + c.service + " could not be read", Remedy: network, Retry: true}
	case f.Connection == diagnosis.Timeout:
		return &bus.Refusal{Problem: c.service + " did not answer in time", Remedy: network, Retry: true, Err: context.DeadlineExceeded}
	case f.Connection != diagnosis.None:
		return &bus.Refusal{Problem: c.service + " could not be reached: " + f.Connection.String(), Remedy: network, Retry: f.Connection.Transient()}
	}
	return &bus.Refusal{Problem: "the request to " + c.service + " could not be made", Remedy: "check the AWS credentials (aws sts get-caller-identity) and AWS_ENDPOINT_URL"}
}

// byCode follows the common errors of AWS APIs and those of the five requests that
// the buses make.
func (c call) byCode(code string) *bus.Refusal {
	r := &bus.Refusal{Code: code, Problem: c.service + " refused the request", Remedy: c.remedy(code), Retry: transient(code)}
	switch {
	case code == "":
		r.Remedy = "try again later, and check AWS_ENDPOINT_URL"
	case denied(code):
		r.Problem = c.service + " does not allow this role to publish"
	case missing(code):
		r.Problem = "the " + c.on + " does not exist"
	}
	return r
}

// remedy says what to do about a service's code, "" when that is unknown.
func (c call) remedy(code string) string {
	lower := strings.ToLower(code)
	switch {
	case strings.HasPrefix(lower, "kms"):
		return "allow kms:GenerateDataKey and kms:Decrypt on the key of the " + c.on + ", and check that the key is enabled"
	case denied(code):
		return "allow " + c.action + " on the " + c.on
	case missing(code):
		return "check its name, the region and the account"
	case strings.Contains(lower, "toolong"), strings.Contains(lower, "invalidparameter"), strings.Contains(lower, "invalidargument"), lower == "validationexception":
		return "if the " + c.on + " allows messages smaller than the service's default, say so in the sink's URL"
	case strings.Contains(lower, "token"), strings.Contains(lower, "signature"), strings.Contains(lower, "unrecognizedclient"):
		return "renew this function's AWS credentials, and check the clock"
	case transient(code):
		return "try again later, or ask for a higher quota"
	}
	return ""
}

func denied(code string) bool {
	return strings.HasPrefix(code, "AccessDenied") || strings.HasPrefix(code, "AuthorizationError") || strings.HasPrefix(code, "NotAuthorized")
}

func missing(code string) bool {
	return strings.HasPrefix(code, "ResourceNotFound") || strings.HasPrefix(code, "NotFound") ||
		strings.HasSuffix(code, "NonExistentQueue") || strings.HasPrefix(code, "QueueDoesNotExist") || code == "StateMachineDoesNotExist"
}

// transient reports whether the code of a request or of one entry means throttling
// or a failure of the service itself.
func transient(code string) bool {
	if _, ok := retry.DefaultThrottleErrorCodes[code]; ok {
		return true
	}
	lower := strings.ToLower(code)
	for _, word := range []string{"throttl", "throughputexceeded", "internal", "unavailable", "servicefailure", "overlimit", "requesttimeout", "requesttimetooskewed"} {
		if strings.Contains(lower, word) {
			return true
		}
	}
	return false
}
