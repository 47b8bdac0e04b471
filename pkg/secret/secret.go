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

	"github.com/aws/aws-sdk-go-v2/aws"
)

// LoadAWS loads the AWS configuration. region is that of a secret's ARN, or ""
// for the standard one.
type LoadAWS func(ctx context.Context, region string) (aws.Config, error)

// Reader reads the text of one secret, afresh at each call. It is not safe for
// concurrent use.
type Reader struct {
	source Source
	read   func(ctx context.Context) ([]byte, error)
}

// NewReader returns the reader of a source, which is a file or one of Secrets
// Manager's; the error for any other is a *[SourceError]. load defaults to the AWS
// SDK's own: environment, profile, SSO, web identity, container and instance roles.
func NewReader(source Source, load LoadAWS) (*Reader, error) {
	switch source.Scheme {
	case File:
		return &Reader{source, func(context.Context) ([]byte, error) { return readFile(source.Name) }}, nil
	case SecretsManager:
		if load == nil {
			load = loadAWS
		}
		return &Reader{source, (&secretsManager{source: source, load: load}).read}, nil
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
