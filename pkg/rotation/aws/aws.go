// Package aws rotates secrets of AWS Secrets Manager: it calls Secrets Manager for package
// rotation, signs in with what it has made, and is wired from the environment.
package aws

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/reader"
	"github.com/rollcall-dev/rollcall/pkg/rotation"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// Settings are the variables that the function reads besides those of [config.Config], of
// which ROLLCALL_CREDENTIALS is the app that rotates: the one that owns the registration of
// the app whose secret it is.
type Settings struct {
	// Secret is the only secret that is rotated; without it the function's role decides.
	Secret Secret `env:"ROLLCALL_ROTATED_SECRET"`
	// Lifetime is how long new client secrets live.
	Lifetime Lifetime `env:"ROLLCALL_SECRET_LIFETIME" envDefault:"2160h"`
}

// Secret is the ARN of a secret.
type Secret string

// UnmarshalText reads the ARN.
func (s *Secret) UnmarshalText(text []byte) error {
	if _, err := rotation.Region(string(text)); err != nil {
		return errors.New("is not the ARN of a secret; write arn:aws:secretsmanager:<region>:<account>:secret:<name>")
	}
	*s = Secret(text)
	return nil
}

// Lifetime is how long a client secret lives.
type Lifetime time.Duration

// The bounds of a lifetime. Secrets Manager rotates every four hours at most, and a client
// secret has to live for two rotations; Entra ID makes none that live longer than two years
// unless it is asked to.
const (
	shortest = 8 * time.Hour
	longest  = 2 * 365 * 24 * time.Hour
)

// UnmarshalText reads a duration such as 2160h.
func (l *Lifetime) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < shortest || d > longest {
		return errors.New("is not a lifetime of client secrets; write 8h to 17520h, such as 2160h for 90 days, and at least twice the time between two rotations")
	}
	*l = Lifetime(d)
	return nil
}

// Option changes how a Rotator reaches other services; a deployed function needs none.
type Option func(*access)

type access struct {
	load      secret.LoadAWS
	transport http.RoundTripper
}

// WithAWS loads the AWS configuration by load.
func WithAWS(load secret.LoadAWS) Option { return func(a *access) { a.load = load } }

// WithTransport sends the requests to the login and Graph hosts through t.
func WithTransport(t http.RoundTripper) Option { return func(a *access) { a.transport = t } }

// New wires a Rotator. It makes no request and reads no secret.
func New(cfg *config.Config, s Settings, log *slog.Logger, options ...Option) (*rotation.Rotator, error) {
	to := access{transport: graph.NewTransport()}
	for _, option := range options {
		option(&to)
	}
	owner, err := reader.New(cfg, log, reader.WithTransport(to.transport), reader.WithAWS(to.load))
	if err != nil {
		return nil, err
	}
	return rotation.New(rotation.Config{
		Store: &store{load: to.load, clients: map[string]*client{}},
		App:   owner.Graph,
		SignIn: func(arn, version string) (rotation.Session, error) {
			return signIn(cfg, log, each(to.transport), to.load, arn, version)
		},
		Secret:   string(s.Secret),
		Lifetime: time.Duration(s.Lifetime),
		Reading:  credential.Config{Cloud: cfg.Cloud, LoginURL: cfg.LoginURL, LookupEnv: cfg.LookupEnv},
		Log:      log,
	}), nil
}

// each makes a connection for each request, where it can: another one may lead to another
// server of Entra ID.
func each(over http.RoundTripper) http.RoundTripper {
	if t, ok := over.(*http.Transport); ok {
		t = t.Clone()
		t.DisableKeepAlives = true
		return t
	}
	return over
}
