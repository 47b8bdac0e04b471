package credential

import "context"

// Text reads a secret that is not the app's identity as it stands, such as the
// keys that webhooks are signed with. The source is a file or Secrets Manager's.
// The error is an *[Error], or a *[SourceError] for any other source, and quotes
// nothing of the secret.
func Text(ctx context.Context, cfg Config) ([]byte, error) {
	var (
		text []byte
		err  error
	)
	switch cfg.Source.Scheme {
	case File:
		text, err = fileText(cfg.Source.Name)
	case SecretsManager:
		text, err = newSecretsManager(cfg).text(ctx)
	default:
		return nil, &SourceError{"is not one that this secret can be read from", "write secretsmanager:<ARN or name> or file:<path>"}
	}
	return text, cfg.Source.complete(err)
}
