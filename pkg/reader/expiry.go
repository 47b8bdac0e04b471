package reader

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/graph"
)

const (
	// askEvery is how often a registration is asked at most.
	askEvery = 24 * time.Hour
	// askLimit bounds the whole of it: nobody waits longer to learn when a credential ends.
	askLimit = 10 * time.Second
)

// expiry is what Graph said of the registration, and when it was asked.
type expiry struct {
	log   *slog.Logger
	watch func(context.Context, credential.Identity)

	mu    sync.Mutex
	asked time.Time
	found *graph.Registration
}

// Identity returns the app's identity, which ends when its registration says, as far as the
// token may read that. It asks Graph at most once a day, only where the token's permissions allow
// it, and no failure of that is an error.
func (r *Reader) Identity(ctx context.Context) (credential.Identity, error) {
	id, err := r.Credential.Identity(ctx)
	if err != nil {
		return id, err
	}
	id, _ = r.Registered(ctx, id)
	return id, nil
}

// Registered returns the identity with what its registration says of its end, and whether
// it says something.
func (r *Reader) Registered(ctx context.Context, id credential.Identity) (_ credential.Identity, told bool) {
	if id.Certificate == nil && id.ClientSecret.IsZero() {
		return id, false
	}
	e := &r.expiry
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	if e.asked.IsZero() || now.Sub(e.asked) >= askEvery || now.Before(e.asked) {
		e.asked = now
		e.found = r.ask(ctx, id)
	}
	if e.found == nil {
		return id, false
	}
	if id, told = registered(id, *e.found, now); told {
		e.watch(ctx, id)
		id.Observe(ctx)
	}
	return id, told
}

// ask reads the registration, nil if it may not or cannot be read.
func (r *Reader) ask(ctx context.Context, id credential.Identity) *graph.Registration {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	permissions, err := r.Credential.Permissions(ctx)
	if err != nil || !slices.ContainsFunc(permissions, readsApplications) {
		return nil
	}
	found, err := r.Graph.Registration(ctx, id.ClientID)
	if err != nil {
		r.expiry.log.InfoContext(ctx, "the app's registration could not be read, which would say when its credential ends", "error", err)
		return nil
	}
	return &found
}

// readsApplications reports whether an application permission allows to read registrations
// ("Get application"). With Application.ReadWrite.OwnedBy it depends on the registration.
func readsApplications(permission string) bool {
	switch permission {
	case "Application.Read.All", "Application.ReadWrite.All", "Application.ReadWrite.OwnedBy", "Directory.Read.All", "Directory.ReadWrite.All":
		return true
	}
	return false
}

// registered looks for the credential of the identity in its registration.
func registered(id credential.Identity, in graph.Registration, now time.Time) (_ credential.Identity, told bool) {
	if id.Certificate != nil {
		i := slices.IndexFunc(in.Keys, func(k graph.Key) bool { return strings.EqualFold(k.Thumbprint, id.Thumbprint()) })
		if i < 0 || in.Keys[i].EndsAt.IsZero() {
			return id, false
		}
		if end := in.Keys[i].EndsAt; end.Before(id.ExpiresAt) {
			id.ExpiresAt = end
		}
		return id, true
	}
	mine := candidates(id, in.Passwords, now)
	if len(mine) == 0 || slices.ContainsFunc(mine, func(p graph.Password) bool { return p.EndsAt.IsZero() }) {
		return id, false
	}
	first := slices.MinFunc(mine, func(a, b graph.Password) int { return a.EndsAt.Compare(b.EndsAt) }).EndsAt
	switch {
	case len(mine) == 1:
		id.ExpiresAt = first
	case id.ExpiresAt.IsZero():
		id.MayExpireAt = first
	}
	return id, true
}

// candidates are the client secrets of a registration one of which is that of the identity: the
// one with its key id; else those that begin alike and live; else, as old ones do not say
// how they begin, the only one that there is.
func candidates(id credential.Identity, all []graph.Password, now time.Time) (mine []graph.Password) {
	value := id.ClientSecret.Reveal()
	for _, p := range all {
		alike := p.Hint != "" && strings.HasPrefix(value, p.Hint)
		switch {
		case strings.EqualFold(p.KeyID, id.KeyID) && (alike || p.Hint == ""):
			return []graph.Password{p}
		// A token that was bought before the end lives on for a day.
		case alike && !p.StartsAt.After(now) && (p.EndsAt.IsZero() || now.Sub(p.EndsAt) < askEvery):
			mine = append(mine, p)
		}
	}
	if mine == nil && len(all) == 1 && all[0].Hint == "" {
		return all
	}
	return mine
}
