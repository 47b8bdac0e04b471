package login

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
)

// App is an app registration of the tenant.
type App struct {
	// ClientID is its application id, ObjectID that of the registration itself, and
	// Principal that of its service principal.
	ClientID, ObjectID, Principal string
	// Roles are its application permissions.
	Roles []string
	// Secrets are its client secrets, Trust what it is known by besides.
	Secrets *Secrets
	Trust   *Trust

	owns []string
}

// registrations makes the apps of the configuration, of which the first is the one that reads.
func (s *Service) registrations() []*App {
	c := s.config
	apps := []*App{s.register(0, c.ClientID, c.ClientSecret)}
	apps[0].Roles = c.Roles
	for i, more := range c.Apps {
		app := s.register(i+1, more.ClientID, more.ClientSecret)
		app.Roles, app.owns = more.Roles, more.Owns
		apps = append(apps, app)
	}
	return apps
}

// register makes the n-th app.
func (s *Service) register(n int, clientID, secret string) *App {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(strings.ToLower(clientID)))
	return &App{
		ClientID: clientID, ObjectID: guid.Of(s.config.Seed+7, uint64(n)).String(), Principal: guid.Of(s.config.Seed+2, uint64(n+1)).String(),
		Secrets: newSecrets(secret, s.config.SecretPropagation, mac.Sum(nil)),
		Trust:   &Trust{propagation: s.config.SecretPropagation},
	}
}

// App finds an app by its client id.
func (s *Service) App(clientID string) (*App, bool) {
	return s.find(func(a *App) bool { return strings.EqualFold(a.ClientID, clientID) })
}

// AppByObject finds an app by the object id of its registration.
func (s *Service) AppByObject(id string) (*App, bool) {
	return s.find(func(a *App) bool { return strings.EqualFold(a.ObjectID, id) })
}

func (s *Service) find(is func(*App) bool) (*App, bool) {
	for _, app := range s.apps {
		if is(app) {
			return app, true
		}
	}
	return nil, false
}

// OwnedBy reports whether an app, by its client id, owns the registration.
func (a *App) OwnedBy(owner *App) bool {
	for _, id := range owner.owns {
		if strings.EqualFold(id, a.ClientID) {
			return true
		}
	}
	return false
}
