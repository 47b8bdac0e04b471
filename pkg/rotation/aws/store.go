package aws

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis/awsapi"
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
	cfg, err := manager("").Configure(ctx, s.load, region, "")
	if err != nil {
		return nil, err
	}
	client := secretsmanager.NewFromConfig(cfg, func(o *secretsmanager.Options) { o.HTTPClient = awsapi.Client(o.HTTPClient) })
	if err := manager("").CheckEndpoint(client.Options().BaseEndpoint); err != nil {
		return nil, err
	}
	s.clients[region] = client
	return client, nil
}

// call makes one call to Secrets Manager about a secret. The cause of its error is kept, since
// some are no failure; its text is not shown.
func (s *store) call(ctx context.Context, arn, action string, do func(context.Context, *client) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	client, err := s.in(ctx, arn)
	if err == nil {
		if err = do(ctx, client); err == nil {
			return nil
		}
		explained := manager(action).Explain(err)
		explained.Err, err = err, explained
	}
	if wrong := (*secret.Error)(nil); errors.As(err, &wrong) {
		wrong.Source = string(secret.SecretsManager) + ":" + arn
	}
	return err
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

// manager is Secrets Manager as errors of an action tell of it.
func manager(action string) *secret.AWS {
	return &secret.AWS{
		ID: secretsmanager.ServiceID, Name: "Secrets Manager", Variable: "AWS_ENDPOINT_URL_SECRETS_MANAGER", Purpose: "rotate the secret",
		Refused: func(code string) *secret.Error { return refused(code, action) },
	}
}

// refused follows the errors of the four operations.
func refused(code, action string) *secret.Error {
	switch code {
	case "AccessDeniedException", "AccessDenied":
		return &secret.Error{
			Kind: secret.Forbidden, Problem: "this function may not rotate the secret",
			Advice: "allow secretsmanager:" + action + " on it, and kms:Decrypt and kms:GenerateDataKey if it has a key of its own",
		}
	case "DecryptionFailure", "EncryptionFailure", "KMSAccessDeniedException":
		return &secret.Error{Kind: secret.Forbidden, Problem: "the secret could not be decrypted or encrypted", Advice: "allow kms:Decrypt and kms:GenerateDataKey on its key, and check that the key is enabled"}
	case "ResourceNotFoundException":
		return &secret.Error{Kind: secret.Missing, Problem: "the secret does not exist", Advice: "check the region and the account"}
	case "InvalidRequestException":
		return &secret.Error{Kind: secret.Missing, Problem: "the secret cannot be rotated as it is", Advice: "see whether it is scheduled for deletion, a replica, or managed by another service"}
	case "InvalidParameterException", "ValidationException":
		return &secret.Error{Kind: secret.Missing, Problem: "Secrets Manager does not accept the secret, its version or its label", Advice: "see whether somebody else changes its versions"}
	case "LimitExceededException":
		return &secret.Error{Kind: secret.Unavailable, Problem: "the secret has as many versions or labels as it may have", Advice: "remove labels that nobody needs from its versions"}
	}
	return nil
}
