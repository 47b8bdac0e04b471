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

// promote moves the labels. Another invocation that does the same is no error.
func (r *Rotator) promote(ctx context.Context, e Event, versions Versions) (Versions, error) {
	moves := []struct{ label, to string }{{replaced, versions.holder(previous)}, {current, e.Version}}
	for _, m := range moves {
		from := versions.holder(m.label)
		if m.to == "" || m.to == from {
			continue
		}
		err := r.Store.Move(ctx, e.Secret, m.label, from, m.to)
		if errors.Is(err, ErrMoved) {
			return r.promoted(ctx, e)
		}
		if err != nil {
			return versions, err
		}
		versions = versions.move(m.label, m.to)
	}
	return versions, nil
}

// promoted returns the versions if another invocation has moved the labels.
func (r *Rotator) promoted(ctx context.Context, e Event) (Versions, error) {
	versions, err := r.Store.Describe(ctx, e.Secret)
	if err == nil && !versions.has(e.Version, current) {
		err = &Error{"somebody else moves the staging labels of the secret", "nothing to do: Secrets Manager tries again"}
	}
	return versions, err
}
