package secret

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis/awsapi"
	"github.com/rollcall-dev/rollcall/pkg/origin"
)

// readTimeout bounds one read of a secret, the SDK's own retries included. A
// subnet without a route to Secrets Manager answers nothing at all, and must not
// use up the whole invocation.
const readTimeout = 15 * time.Second

// secretsManager reads a secret through the SDK. The client is made at the first
// read: loading the AWS configuration at start-up would cost every cold start.
type secretsManager struct {
	source Source
	load   LoadAWS
	client *secretsmanager.Client
}

// loadAWS is the SDK's standard configuration. region, unless it is empty,
// overrides the standard one.
func loadAWS(ctx context.Context, region string) (aws.Config, error) {
	if region == "" {
		return config.LoadDefaultConfig(ctx)
	}
	return config.LoadDefaultConfig(ctx, config.WithRegion(region))
}

func (s *secretsManager) read(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	in := &secretsmanager.GetSecretValueInput{SecretId: aws.String(s.source.Name)}
	if s.source.Stage != "" {
		in.VersionStage = aws.String(s.source.Stage)
	}
	if s.source.Version != "" {
		in.VersionId = aws.String(s.source.Version)
	}
	out, err := s.client.GetSecretValue(ctx, in)
	if err != nil {
		return nil, awsError(err)
	}
	if out.SecretString != nil {
		return []byte(*out.SecretString), nil
	}
	return out.SecretBinary, nil
}

// connect makes the client. A configuration that did not load is tried again at
// the next read.
func (s *secretsManager) connect(ctx context.Context) error {
	if s.client != nil {
		return nil
	}
	region := regionOf(s.source.Name)
	cfg, err := s.load(ctx, region)
	if err != nil {
		if ctx.Err() != nil {
			return awsError(err)
		}
		// The text is dropped: it may quote a profile's lines.
		return &Error{Kind: Missing, Problem: "the AWS configuration could not be loaded", Advice: "check AWS_PROFILE and the files in ~/.aws", Err: err}
	}
	if region != "" {
		cfg.Region = region
	}
	if cfg.Region == "" {
		return &Error{Kind: Missing, Problem: "no AWS region is set", Advice: "set AWS_REGION, or name the secret by its ARN"}
	}
	client := secretsmanager.NewFromConfig(cfg, func(o *secretsmanager.Options) { o.HTTPClient = awsapi.Client(o.HTTPClient) })
	if own := client.Options().BaseEndpoint; own != nil {
		if err := origin.CheckEndpoint(*own); err != nil {
			return &Error{Kind: Missing, Problem: "the address of Secrets Manager " + err.Error(), Advice: "correct AWS_ENDPOINT_URL_SECRETS_MANAGER or AWS_ENDPOINT_URL"}
		}
	}
	s.client = client
	return nil
}

// awsError turns what the SDK returned into an Error.
func awsError(err error) error {
	f := awsapi.Of(secretsmanager.ServiceID, err)
	var e *Error
	switch {
	case f.Other != "":
		e = &Error{Kind: Forbidden, Problem: "AWS gave no credentials to read the secret with", Advice: "check the function's role, or sign in again with `aws sso login` (asked: " + f.Other + ")"}
	case f.Answered:
		e = refused(f.Code)
		e.Code = f.Code
	case f.Connection == diagnosis.Timeout:
		e = &Error{Kind: Unavailable, Problem: "Secrets Manager did not answer in time", Advice: "a function in a VPC needs a NAT gateway or an interface endpoint for it", Err: err}
	case f.Connection != diagnosis.None:
		e = &Error{Kind: Unavailable, Problem: "Secrets Manager could not be reached: " + f.Connection.String(), Advice: "check the network, the proxy and AWS_ENDPOINT_URL", Err: err}
	default:
		e = &Error{Kind: Forbidden, Problem: "the request to Secrets Manager could not be made or read", Advice: "check the AWS credentials (aws sts get-caller-identity) and AWS_ENDPOINT_URL", Err: err}
	}
	e.Status, e.RequestID = f.Status, f.RequestID
	return e
}

// refused follows the errors of GetSecretValue and the common errors of AWS APIs.
func refused(code string) *Error {
	switch code {
	case "ResourceNotFoundException":
		return &Error{Kind: Missing, Problem: "the secret, or the version asked for, does not exist", Advice: "check its name, the region and the account; another account's secret is named by its ARN"}
	case "InvalidRequestException":
		return &Error{Kind: Missing, Problem: "the secret is scheduled for deletion or has no value", Advice: "restore it with `aws secretsmanager restore-secret`, or put a value into it"}
	case "InvalidParameterException", "ValidationException":
		return &Error{Kind: Missing, Problem: "Secrets Manager does not accept the secret's name, stage or version", Advice: "correct it where it is configured"}
	case "AccessDeniedException", "AccessDenied":
		return &Error{Kind: Forbidden, Problem: "this role may not read the secret", Advice: "allow secretsmanager:GetSecretValue on it, and kms:Decrypt if it has a key of its own"}
	case "DecryptionFailure", "DecryptionFailureException", "KMSAccessDeniedException":
		return &Error{Kind: Forbidden, Problem: "the secret could not be decrypted", Advice: "allow kms:Decrypt on its key, and check that the key is enabled"}
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
		"ExpiredTokenException", "ExpiredToken", "IncompleteSignature", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "OptInRequired":
		return &Error{Kind: Forbidden, Problem: "AWS does not accept this function's own credentials", Advice: "renew them, and check the clock"}
	case "ThrottlingException", "Throttling", "TooManyRequestsException":
		return &Error{Kind: Unavailable, Problem: "Secrets Manager is throttling this account", Advice: "try again later"}
	}
	return &Error{Kind: Unavailable, Problem: "Secrets Manager answered with an error", Advice: "try again later"}
}
