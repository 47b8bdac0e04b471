// Package secret is where secrets are kept and how they are read. A [Source]
// names the place, a [Reader] reads the text that is kept there, and a [Cache]
// saves reading it each time it is used. What a secret is for is its users'
// business.
//
// [Webhook] is the one secret whose form is known here, since several functions share
// it. Nothing loads the AWS configuration before the first read that needs it.
package secret

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// LoadAWS loads the AWS configuration. region is that of a secret's ARN, or ""
// for the standard one.
type LoadAWS func(ctx context.Context, region string) (aws.Config, error)

// Vault is Azure Key Vault; package keyvault has it.
type Vault interface {
	// Check returns a *[SourceError] unless a source may be read by it.
	Check(source Source) error
	// Read returns the text of a secret, and when it ends, zero if the vault does not say.
	// The error is an *[Error], or wraps context.Canceled.
	Read(ctx context.Context, source Source) (text []byte, ends time.Time, err error)
}

// Access is how secrets are reached that are not kept on this machine.
type Access struct {
	// AWS loads the configuration for Secrets Manager. The default is the AWS SDK's own:
	// environment, profile, SSO, web identity, container and instance roles.
	AWS LoadAWS
	// Vault reads from Key Vault. Without it, sources there are refused.
	Vault Vault
}

// Reader reads the text of one secret, afresh at each call. It is not safe for
// concurrent use.
type Reader struct {
	source Source
	read   func(ctx context.Context) ([]byte, error)
	ends   time.Time
}

// NewReader returns the reader of a source that keeps a text; the error for any other,
// or for one that is out of reach, is a *[SourceError].
func NewReader(source Source, by Access) (*Reader, error) {
	r := &Reader{source: source}
	switch source.Scheme {
	case File:
		r.read = func(context.Context) ([]byte, error) { return ReadFile(source.Name) }
		return r, nil
	case SecretsManager:
		r.read = (&secretsManager{source: source, load: by.AWS}).read
		return r, nil
	case KeyVault:
		if by.Vault == nil {
			return nil, &SourceError{"keyvault: is not one that this function reads from", "write secretsmanager:<ARN or name> or file:<path>"}
		}
		r.read = func(ctx context.Context) (text []byte, err error) {
			text, r.ends, err = by.Vault.Read(ctx, source)
			return text, err
		}
		return r, by.Vault.Check(source)
	}
	return nil, &SourceError{"is not one that this secret can be read from", forms(true)}
}

// Read returns the text as it is kept, at most 64 KiB of it. The error is an
// *[Error], or wraps context.Canceled.
func (r *Reader) Read(ctx context.Context) ([]byte, error) {
	text, err := r.read(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, r.source.stopped(ctx.Err())
	}
	var e *Error
	if errors.As(err, &e) {
		e.Source = r.source.String()
	}
	return text, err
}

// Ends is when the secret that was last read ends, zero if the place does not say.
func (r *Reader) Ends() time.Time { return r.ends }

// stopped is the error of a read whose context ended.
func (s Source) stopped(cause error) error {
	if errors.Is(cause, context.DeadlineExceeded) {
		return &Error{
			Kind: Unavailable, Problem: "the deadline came before the secret was read", Advice: "allow more time, or try again later",
			Source: s.String(), Err: cause,
		}
	}
	return fmt.Errorf("read the secret: %w", cause)
}
