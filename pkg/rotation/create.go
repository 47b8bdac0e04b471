package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

const (
	// together is how long making a client secret and storing it may take.
	together = time.Minute
	// settled is the age from which a client secret that no version of the secret has is
	// nobody's: whoever made it has stored it or is gone. It is longer than together, so that
	// clocks may differ and Graph's answer be late.
	settled = 5 * time.Minute
	// most is how many client secrets of one secret there may be: two in use, the new one,
	// and those of invocations that died on the way.
	most = 5
)

// create makes the new client secret and stores it as AWSPENDING, unless that was done.
func (r *Rotator) create(ctx context.Context, e Event, versions Versions) (did string, err error) {
	if _, err := r.Store.Read(ctx, e.Secret, e.Version); !errors.Is(err, ErrNoValue) {
		return nothing, err // there is one, unless err says that nobody knows
	}
	kept, err := r.identity(ctx, e.Secret, versions.holder(current))
	if errors.Is(err, ErrNoValue) {
		return "", &Error{"the secret has no value that could be rotated", "put TenantID, ClientID and ClientSecret into it first"}
	}
	if err != nil {
		return "", err
	}
	// What could not be stored is not made.
	if _, err := kept.renewed(credential.Renewal{ClientSecret: secret.NewText("x"), KeyID: "x"}); err != nil {
		return "", err
	}
	left, err := r.sweep(ctx, e, versions, kept.id.ClientID)
	if err != nil {
		return "", err
	}
	if left >= most {
		return "", &Error{
			fmt.Sprintf("%d client secrets have been made for this secret, of which some were never stored", left),
			fmt.Sprintf("nothing to do: they are removed once they are %s old, and Secrets Manager tries again", settled),
		}
	}
	if versions.Every > 0 && r.Lifetime < 2*versions.Every {
		r.Log.WarnContext(ctx, "a client secret should live for two rotations, since the one before the current one is kept: raise ROLLCALL_SECRET_LIFETIME, or rotate more often",
			"lifetimeHours", r.Lifetime.Hours(), "rotationHours", versions.Every.Hours())
	}
	return r.make(ctx, e, kept)
}

// make adds a client secret to the app and stores it.
func (r *Rotator) make(ctx context.Context, e Event, kept identity) (did string, err error) {
	ctx, cancel := context.WithTimeout(ctx, together)
	defer cancel()
	appID := kept.id.ClientID
	made, value, err := r.App.AddPassword(ctx, appID, name(e.Secret, e.Version), time.Now().Add(r.Lifetime))
	if err != nil {
		return "", fmt.Errorf("make a client secret: %w", err)
	}
	text, err := kept.renewed(credential.Renewal{ClientSecret: secret.NewText(value), KeyID: made.KeyID, ExpiresAt: made.EndsAt})
	if err == nil {
		err = r.Store.Write(ctx, e.Secret, e.Version, text, e.Token)
	}
	switch {
	case errors.Is(err, ErrOtherValue):
		// Another invocation of this step was first. What does not succeed now, finishing does.
		if err := r.App.RemovePassword(ctx, appID, made.KeyID); err != nil {
			r.Log.WarnContext(ctx, "a client secret that nobody uses could not be removed yet", "keyId", made.KeyID, "error", err)
		}
		return nothing, nil
	case err != nil:
		return "", err
	}
	r.Log.InfoContext(ctx, "a client secret was made", "keyId", made.KeyID, "client", appID, "expires", made.EndsAt)
	return "made a client secret", nil
}
