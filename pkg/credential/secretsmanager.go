package credential

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// secretTimeout bounds one read of a secret, the SDK's own retries included. A
// subnet without a route to Secrets Manager answers nothing at all, and must not
// use up the whole invocation.
const secretTimeout = 15 * time.Second

// secretsManager reads a secret through the SDK. The client is made at the first
// read: loading the AWS configuration at start-up would cost every cold start.
type secretsManager struct {
	source Source
	load   func(ctx context.Context, region string) (aws.Config, error)
	client *secretsmanager.Client
}

func newSecretsManager(cfg Config) *secretsManager {
	load := cfg.AWS
	if load == nil {
		load = loadAWS
	}
	return &secretsManager{source: cfg.Source, load: load}
}

// loadAWS is the SDK's standard configuration. region overrides the standard one
// where it is not empty.
func loadAWS(ctx context.Context, region string) (aws.Config, error) {
	if region == "" {
		return config.LoadDefaultConfig(ctx)
	}
	return config.LoadDefaultConfig(ctx, config.WithRegion(region))
}

func (s *secretsManager) read(ctx context.Context) (Identity, error) {
	text, err := s.text(ctx)
	if err != nil {
		return Identity{}, err
	}
	return parse(text)
}

// text reads the secret as it stands.
func (s *secretsManager) text(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, secretTimeout)
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
	s.client = secretsmanager.NewFromConfig(cfg)
	return nil
}
