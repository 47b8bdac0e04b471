package rotation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// prefix is how the names of the client secrets begin that are made for a secret. Others of
// the same app, also those of another stack that reads with it, begin otherwise.
func prefix(arn string) string {
	sum := sha256.Sum256([]byte(arn))
	return "rollcall " + hex.EncodeToString(sum[:4]) + " "
}

// name is that of the client secret that is made for a version.
func name(arn, version string) string { return prefix(arn) + version }

// identity is what a version of the secret holds.
type identity struct {
	id    credential.Identity
	value Value
}

// identity reads a version; [ErrNoValue] if there is none.
func (r *Rotator) identity(ctx context.Context, arn, version string) (identity, error) {
	if version == "" {
		return identity{}, ErrNoValue
	}
	value, err := r.Store.Read(ctx, arn, version)
	if err != nil {
		return identity{}, err
	}
	id, err := credential.Parse([]byte(value.Text.Reveal()), r.Reading)
	var wrong *secret.Error
	if errors.As(err, &wrong) {
		wrong.Source = string(secret.SecretsManager) + ":" + arn + "?version=" + version
	}
	return identity{id, value}, err
}

// renewed is the value with another client secret.
func (i identity) renewed(by credential.Renewal) (Value, error) {
	text, err := credential.Renew([]byte(i.value.Text.Reveal()), by)
	return Value{secret.NewText(string(text)), i.value.Binary}, err
}

// records reports whether a client secret is the one that the identity names by its KeyID.
// One whose value begins otherwise is not: then somebody has changed the one without the
// other.
func (i identity) records(p graph.Password) bool {
	return strings.EqualFold(i.id.KeyID, p.KeyID) && i.mayBe(p)
}

// mayBe reports whether the value of a client secret may be that of the identity, as far as
// its first characters tell.
func (i identity) mayBe(p graph.Password) bool {
	return strings.HasPrefix(i.id.ClientSecret.Reveal(), p.Hint)
}

// uses returns what reports whether the identity uses a client secret, of all that there
// are: the one that it names or, if it names none of them, each that it may be.
func (i identity) uses(all []graph.Password) func(graph.Password) bool {
	if slices.ContainsFunc(all, i.records) {
		return i.records
	}
	return i.mayBe
}

// sweep removes the client secrets of an app that this secret no longer needs, and returns
// how many are left of those that were made for it. Never removed is one that a version with
// a label uses, the current one, the one before it, the new one or one with a label of
// somebody else's. Of the others these are:
//
//   - what was in use until the last rotation before this one: the version that has the label
//     of our own names it. It may be of any origin.
//   - what was made for the version of this event, unless it is the one that was stored
//   - what was made for any version of this secret, once it has settled
func (r *Rotator) sweep(ctx context.Context, e Event, versions Versions, appID string) (left int, err error) {
	inUse, before, err := r.identities(ctx, e, versions)
	if err != nil {
		return 0, err
	}
	all, err := r.App.Passwords(ctx, appID)
	if err != nil {
		return 0, fmt.Errorf("list the client secrets: %w", err)
	}
	var used []func(graph.Password) bool
	stored := false
	for version, i := range inUse {
		used = append(used, i.uses(all))
		stored = stored || version == e.Version
	}
	needed := func(p graph.Password) bool {
		return slices.ContainsFunc(used, func(uses func(graph.Password) bool) bool { return uses(p) })
	}
	unneeded := func(p graph.Password) bool {
		ours := strings.HasPrefix(p.Name, prefix(e.Secret))
		return slices.ContainsFunc(before, func(i identity) bool { return i.records(p) }) ||
			stored && p.Name == name(e.Secret, e.Version) ||
			ours && !p.StartsAt.IsZero() && time.Since(p.StartsAt) > settled
	}
	for _, p := range all {
		switch {
		case !needed(p) && unneeded(p):
			if err := r.App.RemovePassword(ctx, appID, p.KeyID); err != nil {
				return 0, fmt.Errorf("remove the client secret %s: %w", p.KeyID, err)
			}
			r.Log.InfoContext(ctx, "a client secret was removed", "keyId", p.KeyID, "client", appID, "since", p.StartsAt)
		case strings.HasPrefix(p.Name, prefix(e.Secret)):
			left++
		}
	}
	return left, nil
}

// identities reads the versions: those that may be in use, by their ids, and the one that is
// kept for its client secret to be removed. One without a value uses none, and neither does
// one that is no identity, since nobody can sign in with it.
func (r *Rotator) identities(ctx context.Context, e Event, versions Versions) (inUse map[string]identity, before []identity, err error) {
	inUse = map[string]identity{}
	for _, version := range versions.ids() {
		kept, err := r.identity(ctx, e.Secret, version)
		var wrong *secret.Error
		switch {
		case errors.Is(err, ErrNoValue):
		case errors.As(err, &wrong) && wrong.Kind == secret.Malformed:
			r.Log.WarnContext(ctx, "a version of the secret is no identity", "version", version, "error", err)
		case err != nil:
			return nil, nil, err
		case slices.Equal(versions.Labels[version], []string{replaced}):
			before = append(before, kept)
		default:
			inUse[version] = kept
		}
	}
	return inUse, before, nil
}
