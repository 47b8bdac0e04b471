package rotation

import (
	"context"
	"errors"
	"fmt"
)

// finish makes the new version the current one, unless it is, and removes the client
// secrets that are no longer needed.
func (r *Rotator) finish(ctx context.Context, e Event, versions Versions) (did string, err error) {
	kept, err := r.stored(ctx, e)
	if err != nil {
		return "", err
	}
	did = nothing
	if !versions.has(e.Version, current) {
		if versions, err = r.promote(ctx, e, versions); err != nil {
			return "", err
		}
		did = "made it the current version"
	}
	if _, err := r.sweep(ctx, e, versions, kept.id.ClientID); err != nil {
		return "", fmt.Errorf("the new client secret is in use, but an old one could not be removed, which the next rotation does at the latest: %w", err)
	}
	return did, nil
}

// takeovers is how often somebody else may move a label at the same time.
const takeovers = 5

// promote makes the new version the current one, and puts our label on the one that is
// AWSPREVIOUS until then. Another invocation may do the same at the same time.
func (r *Rotator) promote(ctx context.Context, e Event, versions Versions) (Versions, error) {
	for range takeovers {
		moved, err := r.move(ctx, e, versions)
		if !errors.Is(err, ErrMoved) {
			return moved, err
		}
		if versions, err = r.Store.Describe(ctx, e.Secret); err != nil {
			return versions, err
		}
	}
	return versions, &Error{"somebody else moves the staging labels of the secret", "nothing to do: Secrets Manager tries again"}
}

// move moves the labels that are not yet where they belong, and returns where they are then.
func (r *Rotator) move(ctx context.Context, e Event, versions Versions) (Versions, error) {
	if versions.has(e.Version, current) {
		return versions, nil
	}
	for _, m := range []struct{ label, to string }{{replaced, versions.holder(previous)}, {current, e.Version}} {
		from := versions.holder(m.label)
		if m.to == "" || m.to == from {
			continue
		}
		if err := r.Store.Move(ctx, e.Secret, m.label, from, m.to); err != nil {
			return versions, err
		}
		versions = versions.move(m.label, m.to)
	}
	return versions, nil
}
