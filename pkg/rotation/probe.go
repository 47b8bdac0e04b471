package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/retry"
)

const (
	// row is how often in a row Entra ID has to take the new client secret. Its servers learn
	// of one within seconds to two minutes, each in its own time, and which of them answers
	// is chance.
	row = 10
	// pause is between two attempts.
	pause = 2 * time.Second
	// patience is how long they go on in all.
	patience = 5 * time.Minute
	// wrongSecret is what Entra ID says of a client secret that it does not know: AADSTS7000215.
	wrongSecret = 7000215
)

// test signs in with the new client secret until Entra ID takes it each time, and reads a
// user.
func (r *Rotator) test(ctx context.Context, e Event) (did string, err error) {
	if _, err := r.stored(ctx, e); err != nil {
		return "", err
	}
	session, err := r.SignIn(e.Secret, e.Version)
	if err != nil {
		return "", err
	}
	tries, err := persevere(ctx, session)
	if err != nil {
		return "", err
	}
	if err := session.Read(ctx); err != nil {
		return "", fmt.Errorf("read a user with the new client secret: %w", err)
	}
	return fmt.Sprintf("signed in %d times, the last %d in a row, and read a user", tries, row), nil
}

// stored reads the new version, which has to have a value.
func (r *Rotator) stored(ctx context.Context, e Event) (identity, error) {
	kept, err := r.identity(ctx, e.Secret, e.Version)
	if errors.Is(err, ErrNoValue) {
		err = &Error{"the version of the event's ClientRequestToken has no value", "let Secrets Manager do createSecret first"}
	}
	return kept, err
}

// persevere signs in until it succeeds so often in a row, and returns how many times it has
// tried.
func persevere(ctx context.Context, session Session) (tries int, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var refusal error
	for succeeded, taken := 0, 0; ; {
		steady, err := session.SignIn(ctx)
		tries++
		switch {
		case err == nil && steady:
			succeeded, taken = succeeded+1, taken+1
		case err == nil:
			succeeded, taken = succeeded+1, 0
		case ctx.Err() == nil && !passes(err):
			return tries, fmt.Errorf("sign in with the new client secret: %w", err)
		default:
			taken = 0
			if refusal == nil || ctx.Err() == nil {
				refusal = err
			}
		}
		switch {
		case taken == row:
			return tries, nil
		case !retry.Fits(ctx, pause):
			return tries, unsteady(tries, succeeded, refusal)
		}
		if err := retry.Wait(ctx, pause); err != nil {
			return tries, err
		}
	}
}

// passes reports whether an error passes with time.
func passes(err error) bool {
	var e *credential.Error
	return errors.As(err, &e) && (e.Code == wrongSecret || e.Kind == credential.Throttled || e.Kind == credential.Unavailable)
}

// unsteady is the error of a client secret that is not taken each time, because of the
// last refusal, if there was one.
func unsteady(tries, succeeded int, refusal error) error {
	e := &Error{
		fmt.Sprintf("Entra ID did not take the new client secret %d times in a row before the time was over (but %d of %d times)", row, succeeded, tries),
		"nothing to do, unless it lasts: Secrets Manager tries again",
	}
	if refusal == nil {
		return e
	}
	return fmt.Errorf("%w: %w", refusal, e)
}
