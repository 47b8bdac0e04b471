// Package credential is where the app's identity is kept and the token it
// becomes. A [Source] says where the identity lives (AWS Secrets Manager, the
// environment, a file); a [Credential] reads it, caches it, buys Microsoft Graph
// tokens with it through azidentity, and buys the next one when the secret
// behind it was rotated.
//
// It imports no other package of this module. Nothing of it starts work or
// loads the AWS configuration before the first call that needs it.
package credential

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/aws/aws-sdk-go-v2/aws"
)

// Defaults of [Config]. They are what the zero value of a field means.
const (
	// DefaultTTL is how long a secret that was read is used before it is read again.
	DefaultTTL = 15 * time.Minute
	// DefaultPatience is how long one call may wait between tries in all. Entra's
	// throttled answer asks for 60 seconds, so one such wait fits and two do not.
	DefaultPatience = 90 * time.Second
	// DefaultLoginURL is the login host of the public cloud.
	DefaultLoginURL = "https://login.microsoftonline.com"
	// DefaultScope is what a token for Microsoft Graph in the public cloud is asked for.
	DefaultScope = "https://graph.microsoft.com/.default"
)

// Config is what a Credential needs to know. Source is required; every other
// zero value stands for its default.
type Config struct {
	// Source is where the identity is kept; see [ParseSource].
	Source Source
	// LoginURL is the cloud's login host, https://host[:port] without a path.
	LoginURL string
	// Scope is the audience of the token, the cloud's Graph root with "/.default".
	// A replaced Graph URL does not change it.
	Scope string
	// LookupEnv reads a variable for an `env:` source: the value, and whether it
	// is set. This package never reads the process environment itself.
	LookupEnv func(name string) (string, bool)
	// AWS loads the AWS configuration at the first read of a secret. region is that
	// of the secret's ARN, or "" for the standard one. The default is the SDK's
	// own: environment, profile, SSO, web identity, container and instance roles.
	AWS func(ctx context.Context, region string) (aws.Config, error)
	// Transport carries the requests to the login host. The default is
	// http.DefaultTransport, which honours HTTPS_PROXY and SSL_CERT_FILE.
	Transport http.RoundTripper
	// TTL is how long a secret that was read is used; see [DefaultTTL].
	TTL time.Duration
	// Patience bounds the waits of one call; see [DefaultPatience].
	Patience time.Duration
	// Log takes what does not stop the work: a refresh that failed and whose old
	// value is kept, a secret that was read again. The default drops it.
	Log *slog.Logger
}

// Credential turns the identity that a source keeps into tokens. It is safe for
// concurrent use and has one request for a secret or a token under way at a time.
// Make one with [New].
type Credential struct {
	source   Source
	read     reader
	scope    string
	login    *loginHost
	ttl      time.Duration
	patience time.Duration
	log      *slog.Logger
	gate     gate
	failure  atomic.Pointer[failure]
	held     held
	resolved map[string]string
	azure    *azidentity.ClientSecretCredential
	last     Secret
}

var _ azcore.TokenCredential = (*Credential)(nil)

// New checks the configuration and returns a Credential that has not read or
// asked anything yet. A source that this version cannot read, or a login URL
// that is not https://host[:port], is an error.
func New(cfg Config) (*Credential, error) {
	read, err := cfg.reader()
	if err != nil {
		return nil, err
	}
	login, err := newLoginHost(orDefault(cfg.LoginURL, DefaultLoginURL), cfg.Transport)
	if err != nil {
		return nil, err
	}
	log := cfg.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Credential{
		source:   cfg.Source,
		read:     read,
		scope:    orDefault(cfg.Scope, DefaultScope),
		login:    login,
		ttl:      orDefault(cfg.TTL, DefaultTTL),
		patience: orDefault(cfg.Patience, DefaultPatience),
		log:      log,
		gate:     make(gate, 1),
		resolved: map[string]string{},
	}, nil
}

// Source returns where the identity is kept.
func (c *Credential) Source() Source { return c.source }

// LogValue keeps a Credential that is logged by mistake to its source.
func (c *Credential) LogValue() slog.Value { return slog.StringValue(c.source.String()) }

// Format writes the source, whatever the verb.
func (c *Credential) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.source.String()) }

func orDefault[T comparable](value, def T) T {
	var zero T
	if value == zero {
		return def
	}
	return value
}

// origin takes a login URL apart and returns its lower-case host[:port].
func origin(raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		// The value is not quoted: it may carry a password.
		return "", errors.New("login URL is not https://host[:port]")
	}
	return strings.ToLower(u.Host), nil
}
