package secret

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis/awsapi"
	"github.com/rollcall-dev/rollcall/pkg/origin"
)

// loadAWS is the SDK's standard configuration. region, unless it is empty,
// overrides the standard one.
func loadAWS(ctx context.Context, region string) (aws.Config, error) {
	if region == "" {
		return config.LoadDefaultConfig(ctx)
	}
	return config.LoadDefaultConfig(ctx, config.WithRegion(region))
}

// AWS is a service of AWS that keeps secrets or keys, or vouches for whoever asks.
type AWS struct {
	// ID is how the SDK names it, Name how people do, and Variable by which variable its
	// address is replaced.
	ID, Name, Variable string
	// Purpose says what is asked of it, after "to".
	Purpose string
	// Refused says what an error code of the service means, nil for one that is not its own.
	Refused func(code string) *Error
}

// Configure loads the SDK's configuration for a region, "" for the standard one, by load or,
// where that is nil, by the SDK itself. remedy says what else could name the region. The
// error is an *[Error].
func (s *AWS) Configure(ctx context.Context, load LoadAWS, region, remedy string) (aws.Config, error) {
	if load == nil {
		load = loadAWS
	}
	cfg, err := load(ctx, region)
	if err != nil {
		if ctx.Err() != nil {
			return aws.Config{}, s.Explain(err)
		}
		// The text is dropped: it may quote a profile's lines.
		return aws.Config{}, &Error{Kind: Missing, Problem: "the AWS configuration could not be loaded", Advice: "check AWS_PROFILE and the files in ~/.aws", Err: err}
	}
	if region != "" {
		cfg.Region = region
	}
	if cfg.Region == "" {
		return aws.Config{}, &Error{Kind: Missing, Problem: "no AWS region is set", Advice: "set AWS_REGION" + remedy}
	}
	return cfg, nil
}

// CheckEndpoint returns an *[Error] if a client's endpoint, nil for the standard one, may
// not be sent what the service is asked with.
func (s *AWS) CheckEndpoint(own *string) error {
	if own == nil {
		return nil
	}
	if err := origin.CheckEndpoint(*own); err != nil {
		return &Error{Kind: Missing, Problem: "the address of " + s.Name + " " + err.Error(), Advice: "correct " + s.Variable + " or AWS_ENDPOINT_URL"}
	}
	return nil
}

// Explain turns what the SDK returned into an Error.
func (s *AWS) Explain(err error) *Error {
	f := awsapi.Of(s.ID, err)
	var e *Error
	switch {
	case f.Other != "":
		e = &Error{Kind: Forbidden, Problem: "AWS gave no credentials to " + s.Purpose + " with", Advice: "check the function's role, or sign in again with `aws sso login` (asked: " + f.Other + ")"}
	case f.Answered:
		e = s.refused(f.Code)
		e.Code = f.Code
	case f.Connection == diagnosis.Timeout:
		e = &Error{Kind: Unavailable, Problem: s.Name + " did not answer in time", Advice: "a function in a VPC needs a NAT gateway or an interface endpoint for it", Err: err}
	case f.Connection != diagnosis.None:
		e = &Error{Kind: Unavailable, Problem: s.Name + " could not be reached: " + f.Connection.String(), Advice: "check the network, the proxy and AWS_ENDPOINT_URL", Err: err}
	default:
		e = &Error{Kind: Forbidden, Problem: "the request to " + s.Name + " could not be made or read", Advice: "check the AWS credentials (aws sts get-caller-identity) and AWS_ENDPOINT_URL", Err: err}
	}
	e.Status, e.RequestID = f.Status, f.RequestID
	return e
}

// refused follows the service's own errors and the common errors of AWS APIs.
func (s *AWS) refused(code string) *Error {
	if e := s.Refused(code); e != nil {
		return e
	}
	switch code {
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
		"ExpiredTokenException", "ExpiredToken", "IncompleteSignature", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "OptInRequired":
		return &Error{Kind: Forbidden, Problem: "AWS does not accept this function's own credentials", Advice: "renew them, and check the clock"}
	case "ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded":
		return &Error{Kind: Unavailable, Problem: s.Name + " is throttling this account", Advice: "try again later"}
	}
	return &Error{Kind: Unavailable, Problem: s.Name + " answered with an error", Advice: "try again later"}
}
