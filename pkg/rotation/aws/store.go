package aws

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
	"github.com/rollcall-dev/rollcall/pkg/diagnosis/awsapi"
	"github.com/rollcall-dev/rollcall/pkg/origin"
	"github.com/rollcall-dev/rollcall/pkg/rotation"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// callTimeout bounds one call, the SDK's own retries included. A subnet without a route to
// Secrets Manager answers nothing at all.
const callTimeout = 15 * time.Second

// store is Secrets Manager. The client is made at the first call, since loading the AWS
// configuration at start-up would cost every cold start.
type store struct {
	load secret.LoadAWS

	mu      sync.Mutex
	clients map[string]*client // by region
}

type client = secretsmanager.Client

// load is the SDK's standard configuration in a region.
func load(ctx context.Context, region string) (aws.Config, error) {
	return awsconfig.LoadDefaultConfig(ctx, awsconfig.WithRegion(region))
}

// in returns the client for the region of a secret: an event comes from there.
func (s *store) in(ctx context.Context, arn string) (*client, error) {
	region, err := rotation.Region(arn)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if made := s.clients[region]; made != nil {
		return made, nil
	}
	cfg, err := s.load(ctx, region)
	if err != nil {
		// The text is dropped: it may quote a profile's lines.
		return nil, &secret.Error{Kind: secret.Forbidden, Problem: "the AWS configuration could not be loaded", Advice: "check the function's environment", Source: source(arn), Err: err}
	}
	cfg.Region = region
	client := secretsmanager.NewFromConfig(cfg, func(o *secretsmanager.Options) { o.HTTPClient = awsapi.Client(o.HTTPClient) })
	if own := client.Options().BaseEndpoint; own != nil {
		if err := origin.CheckEndpoint(*own); err != nil {
			return nil, &secret.Error{Kind: secret.Missing, Problem: "the address of Secrets Manager " + err.Error(), Advice: "correct AWS_ENDPOINT_URL_SECRETS_MANAGER or AWS_ENDPOINT_URL", Source: source(arn)}
		}
	}
	s.clients[region] = client
	return client, nil
}

func source(arn string) string { return string(secret.SecretsManager) + ":" + arn }

// call makes one call to Secrets Manager about a secret, and explains its error.
func (s *store) call(ctx context.Context, arn, action string, do func(context.Context, *client) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	client, err := s.in(ctx, arn)
	if err != nil {
		return err
	}
	if err := do(ctx, client); err != nil {
		return explain(err, arn, action)
	}
	return nil
}

// Describe implements [rotation.Store].
func (s *store) Describe(ctx context.Context, arn string) (found rotation.Versions, err error) {
	err = s.call(ctx, arn, "DescribeSecret", func(ctx context.Context, client *client) error {
		out, err := client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &arn})
		if err != nil {
			return err
		}
		found = rotation.Versions{Rotates: aws.ToBool(out.RotationEnabled), Labels: out.VersionIdsToStages}
		if rules := out.RotationRules; rules != nil {
			found.Every = time.Duration(aws.ToInt64(rules.AutomaticallyAfterDays)) * 24 * time.Hour
		}
		return nil
	})
	return found, err
}

// Read implements [rotation.Store].
func (s *store) Read(ctx context.Context, arn, version string) (value rotation.Value, err error) {
	err = s.call(ctx, arn, "GetSecretValue", func(ctx context.Context, client *client) error {
		out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &arn, VersionId: &version})
		switch {
		case err != nil:
			return err
		case out.SecretString != nil:
			value = rotation.Value{Text: secret.NewText(*out.SecretString)}
		default:
			value = rotation.Value{Text: secret.NewText(string(out.SecretBinary)), Binary: true}
		}
		return nil
	})
	if isA[*types.ResourceNotFoundException](err) {
		return rotation.Value{}, rotation.ErrNoValue
	}
	return value, err
}

// Write implements [rotation.Store].
func (s *store) Write(ctx context.Context, arn, version string, value rotation.Value, token secret.Text) error {
	in := &secretsmanager.PutSecretValueInput{SecretId: &arn, ClientRequestToken: &version, VersionStages: []string{"AWSPENDING"}}
	if value.Binary {
		in.SecretBinary = []byte(value.Text.Reveal())
	} else {
		in.SecretString = aws.String(value.Text.Reveal())
	}
	if !token.IsZero() {
		in.RotationToken = aws.String(token.Reveal())
	}
	err := s.call(ctx, arn, "PutSecretValue", func(ctx context.Context, client *client) error {
		_, err := client.PutSecretValue(ctx, in)
		return err
	})
	if isA[*types.ResourceExistsException](err) {
		return rotation.ErrOtherValue
	}
	return err
}

// Move implements [rotation.Store].
func (s *store) Move(ctx context.Context, arn, label, from, to string) error {
	in := &secretsmanager.UpdateSecretVersionStageInput{SecretId: &arn, VersionStage: &label, MoveToVersionId: &to}
	if from != "" {
		in.RemoveFromVersionId = &from
	}
	err := s.call(ctx, arn, "UpdateSecretVersionStage", func(ctx context.Context, client *client) error {
		_, err := client.UpdateSecretVersionStage(ctx, in)
		return err
	})
	if isA[*types.InvalidParameterException](err) {
		return rotation.ErrMoved
	}
	return err
}

// isA reports whether an error is Secrets Manager's of that type.
func isA[T error](err error) bool {
	var wanted T
	return errors.As(err, &wanted)
}

// explain says why a call failed. The cause is kept, since some are no failure; its text is
// not shown.
func explain(err error, arn, action string) error {
	f := awsapi.Of(secretsmanager.ServiceID, err)
	e := &secret.Error{Kind: secret.Unavailable, Source: source(arn), Code: f.Code, Status: f.Status, RequestID: f.RequestID, Err: err}
	switch {
	case f.Other != "":
		e.Kind, e.Problem, e.Advice = secret.Forbidden, "AWS gave no credentials to rotate the secret with", "check the function's role (asked: "+f.Other+")"
	case !f.Answered && f.Connection != diagnosis.None:
		e.Problem, e.Advice = "Secrets Manager could not be reached: "+f.Connection.String(), "a function in a VPC needs a NAT gateway or an interface endpoint for it"
	case !f.Answered:
		e.Kind, e.Problem, e.Advice = secret.Forbidden, "the request to Secrets Manager could not be made or read", "check the function's role and AWS_ENDPOINT_URL"
	default:
		e.Kind, e.Problem, e.Advice = refusal(f.Code, action)
	}
	return e
}

// refusal follows the errors of the four operations and the common errors of AWS APIs.
func refusal(code, action string) (kind secret.Kind, problem, advice string) {
	switch code {
	case "AccessDeniedException", "AccessDenied":
		return secret.Forbidden, "this function may not rotate the secret", "allow secretsmanager:" + action + " on it, and kms:Decrypt and kms:GenerateDataKey if it has a key of its own"
	case "DecryptionFailure", "EncryptionFailure", "KMSAccessDeniedException":
		return secret.Forbidden, "the secret could not be decrypted or encrypted", "allow kms:Decrypt and kms:GenerateDataKey on its key, and check that the key is enabled"
	case "ResourceNotFoundException":
		return secret.Missing, "the secret does not exist", "check the region and the account"
	case "InvalidRequestException":
		return secret.Missing, "the secret cannot be rotated as it is", "see whether it is scheduled for deletion, a replica, or managed by another service"
	case "InvalidParameterException", "ValidationException":
		return secret.Missing, "Secrets Manager does not accept the secret, its version or its label", "see whether somebody else changes its versions"
	case "LimitExceededException":
		return secret.Unavailable, "the secret has as many versions or labels as it may have", "remove labels that nobody needs from its versions"
	case "ThrottlingException", "Throttling", "TooManyRequestsException":
		return secret.Unavailable, "Secrets Manager is throttling this account", "nothing to do: Secrets Manager tries the rotation again"
	}
	return secret.Unavailable, "Secrets Manager answered with an error", "nothing to do, unless it lasts: Secrets Manager tries the rotation again"
}
