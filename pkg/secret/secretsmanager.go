package secret

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis/awsapi"
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
		return nil, manager().Explain(err)
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
	cfg, err := manager().Configure(ctx, s.load, regionOf(s.source.Name), ", or name the secret by its ARN")
	if err != nil {
		return err
	}
	client := secretsmanager.NewFromConfig(cfg, func(o *secretsmanager.Options) { o.HTTPClient = awsapi.Client(o.HTTPClient) })
	if err := manager().CheckEndpoint(client.Options().BaseEndpoint); err != nil {
		return err
	}
	s.client = client
	return nil
}

// manager is Secrets Manager as errors tell of it.
func manager() *AWS {
	return &AWS{secretsmanager.ServiceID, "Secrets Manager", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "read the secret", refusedSecret}
}

// refusedSecret follows the errors of GetSecretValue.
func refusedSecret(code string) *Error {
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
	}
	return nil
}
