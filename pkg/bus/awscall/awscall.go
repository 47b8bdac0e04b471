// Package awscall is how the buses of AWS call their service: once a request, in
// the region of the address, with an outcome that says whether another try may
// help and what a person can do.
package awscall

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

// Config returns cfg for calls in region, where "" leaves that of cfg, with the
// SDK's own retries off: it would send whole batches again, and as often as its
// tries times ours.
func Config(cfg aws.Config, region string) (aws.Config, error) {
	cfg = cfg.Copy()
	if region != "" {
		cfg.Region = region
	}
	if cfg.Region == "" {
		return aws.Config{}, errors.New("no AWS region is set: set AWS_REGION, or give the bus by its ARN")
	}
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return cfg, nil
}

// Call is what was asked of a service.
type Call struct {
	// Service is its name in the SDK: EventBridge, SNS, SQS, Kinesis, Firehose.
	Service string
	// Action is the permission that the call needs, such as sqs:SendMessage.
	Action string
	// On is what it needs it on, such as "queue rollcall".
	On string
}

// Refusal says what the SDK's err, which is not nil, means for the request.
// AWS's own message is dropped: it carries the caller's session name, which for a
// person signed in by SSO is an e-mail address, and it may quote the text sent.
func (c Call) Refusal(err error) *bus.Refusal {
	r := c.classify(err)
	if response := new(awshttp.ResponseError); errors.As(err, &response) && response.HTTPStatusCode() > 0 {
		r.RequestID = plain(response.RequestID)
		r.Retry = r.Retry || response.HTTPStatusCode() >= 500 || response.HTTPStatusCode() == 429
		if r.Code == "" {
			r.Code = fmt.Sprintf("HTTP %d", response.HTTPStatusCode())
		}
	}
	return r
}

func (c Call) classify(err error) *bus.Refusal {
	if service := c.foreign(err); service != "" {
		return &bus.Refusal{
			Problem: "AWS gave no credentials to publish with", Retry: again(err),
			Remedy: "check the function's role, or sign in again with `aws sso login` (asked: " + service + ")",
		}
	}
	var (
		api      smithy.APIError
		name     *net.DNSError
		network  net.Error
		response *awshttp.ResponseError
	)
	switch {
	case errors.As(err, &api):
		code := plain(api.ErrorCode())
		r := c.byCode(code)
		r.Code, r.Retry = code, Transient(code) || again(err)
		return r
	case errors.As(err, &response) && response.HTTPStatusCode() >= 300:
		return &bus.Refusal{Problem: c.Service + " answered with an error", Remedy: "try again later, and check AWS_ENDPOINT_URL", Retry: again(err)}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, new(*aws.RequestCanceledError)):
		return &bus.Refusal{Problem: c.Service + " did not answer in time", Remedy: "a function in a VPC needs a NAT gateway or an interface endpoint for it", Retry: true, Err: context.DeadlineExceeded}
	case errors.As(err, &name):
		return &bus.Refusal{Problem: "the name of " + c.Service + " does not resolve", Remedy: "check the region, the network and AWS_ENDPOINT_URL", Retry: !name.IsNotFound}
	case errors.As(err, new(*smithy.DeserializationError)), errors.Is(err, io.ErrUnexpectedEOF):
		return &bus.Refusal{Problem: "the answer of " + c.Service + " could not be read", Remedy: "check the network, the proxy and AWS_ENDPOINT_URL", Retry: true}
	case errors.As(err, &network), again(err):
		return &bus.Refusal{Problem: c.Service + " could not be reached: the connection broke", Remedy: "check the network, the proxy and AWS_ENDPOINT_URL", Retry: true}
	}
	return &bus.Refusal{Problem: "the request to " + c.Service + " could not be made", Remedy: "check the AWS credentials (aws sts get-caller-identity) and AWS_ENDPOINT_URL"}
}

// byCode follows the common errors of AWS APIs and those of the five calls that
// the buses make.
func (c Call) byCode(code string) *bus.Refusal {
	r := &bus.Refusal{Problem: c.Service + " refused the request", Remedy: c.Remedy(code)}
	switch {
	case c.denied(code):
		r.Problem = c.Service + " does not allow this role to publish"
	case missing(code):
		r.Problem = "the " + c.On + " does not exist"
	}
	return r
}

// Remedy says what to do about a service's code, "" when that is unknown.
func (c Call) Remedy(code string) string {
	lower := strings.ToLower(code)
	switch {
	case strings.HasPrefix(lower, "kms"):
		return "allow kms:GenerateDataKey and kms:Decrypt on the key of the " + c.On + ", and check that the key is enabled"
	case c.denied(code):
		return "allow " + c.Action + " on the " + c.On
	case missing(code):
		return "check its name, the region and the account"
	case strings.Contains(lower, "toolong"), strings.Contains(lower, "invalidparameter"), strings.Contains(lower, "invalidargument"), lower == "validationexception":
		return "if the " + c.On + " allows messages smaller than the service's default, say so in the sink's URL"
	case strings.Contains(lower, "token"), strings.Contains(lower, "signature"), strings.Contains(lower, "unrecognizedclient"):
		return "renew this function's AWS credentials, and check the clock"
	case Transient(code):
		return "try again later, or ask for a higher quota"
	}
	return ""
}

func (c Call) denied(code string) bool {
	return strings.HasPrefix(code, "AccessDenied") || strings.HasPrefix(code, "AuthorizationError") || strings.HasPrefix(code, "NotAuthorized")
}

func missing(code string) bool {
	return strings.HasPrefix(code, "ResourceNotFound") || strings.HasPrefix(code, "NotFound") ||
		strings.HasSuffix(code, "NonExistentQueue") || strings.HasPrefix(code, "QueueDoesNotExist")
}

// Transient reports whether a code of a request or of one entry is of
// throttling or of a failure of the service itself.
func Transient(code string) bool {
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

// again reports whether the SDK would try again.
func again(err error) bool {
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err) == aws.TrueTernary
}

// foreign returns the service that failed when it was not the one called: the
// SDK asks others (sts, sso, the instance's metadata) for its credentials.
func (c Call) foreign(err error) string {
	for err != nil {
		var op *smithy.OperationError
		if !errors.As(err, &op) {
			return ""
		}
		if op.Service() != c.Service {
			return op.Service()
		}
		err = op.Unwrap()
	}
	return ""
}

// plain returns an id or a code of a service, and nothing for any text that is
// not plainly one.
func plain(text string) string {
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
