// Package credential makes tokens of an identity. An [Identity] is the app that a
// secret describes; a [Credential] reads it, buys Microsoft Graph tokens with it
// through azidentity, and tries once more when the secret behind it was rotated.
//
// It imports packages secret, cloud, origin, retry and diagnosis. Nothing in it starts work
// before the first call that needs it.
package credential

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/rollcall-dev/rollcall/pkg/cloud"
	"github.com/rollcall-dev/rollcall/pkg/keyvault"
	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// DefaultPatience is how long one call may wait between attempts in all. Entra's
// throttled answer asks for 60 seconds, so one such wait fits and two do not.
const DefaultPatience = 90 * time.Second

// Config is what a Credential needs to know. Source is required; every other
// zero value stands for its default.
type Config struct {
	// Source is where the identity is kept.
	Source secret.Source
	// Cloud is the national cloud, the public one by default. Tokens are asked for
	// its Graph, also where that one's URL is replaced.
	Cloud cloud.Cloud
	// LoginURL replaces the cloud's login host, https://host[:port] without a path.
	LoginURL string
	// LookupEnv reads a variable for an `env:` source and a managed identity, and the
	// region that azidentity prefers: the value, and whether it is set. This package never
	// reads the process environment itself; azidentity does, for a managed identity.
	LookupEnv func(name string) (string, bool)
	// Secrets is how the secret is reached that keeps the identity.
	Secrets secret.Access
	// Vaults have the keys of Azure Key Vault that identities sign with. Without them such an
	// identity is an error.
	Vaults *keyvault.Vaults
	// Transport carries the requests to the login host and, without a proxy, to the
	// endpoint of a managed identity. The default is http.DefaultTransport, which honours
	// HTTPS_PROXY and SSL_CERT_FILE.
	Transport http.RoundTripper
	// TTL is how long a secret that was read is used; see [secret.DefaultTTL].
	TTL time.Duration
	// Patience bounds the waits of one call; see [DefaultPatience].
	Patience time.Duration
	// OnPause, if set, is called before each wait for another attempt.
	OnPause func(retry.Pause)
	// Log takes what does not stop the work: a refresh that failed and whose old
	// value is kept, a secret that was reread. The default drops it.
	Log *slog.Logger
}

// Credential turns the identity that a source keeps into tokens. It is safe for
// concurrent use and has one request for a secret or a token under way at a time.
// Make one with [New].
type Credential struct {
	source    secret.Source
	identity  *secret.Cache[Identity]
	scope     string
	graphURL  string // of the cloud
	audience  string // of other issuers' tokens
	aws       secret.LoadAWS
	vaults    *keyvault.Vaults
	login     *loginHost
	host      *hostEndpoint
	patience  time.Duration
	onPause   func(retry.Pause)
	log       *slog.Logger
	semaphore semaphore
	failure   atomic.Pointer[failure]
	resolved  map[string]string
	proofs    map[Method]proof
	presented atomic.Pointer[Presented] // the last one
	azure     azcore.TokenCredential    // made of the identity, nil for none
	azureFor  Identity                  // the one that azure was made of
	last      secret.Text
}

var _ azcore.TokenCredential = (*Credential)(nil)

// New checks the configuration and returns a Credential that has not read or
// asked anything yet. A source that this version cannot read, or a login URL
// that is not https://host[:port], is an error.
func New(cfg Config) (*Credential, error) {
	cfg.Cloud = orDefault(cfg.Cloud, cloud.Public())
	cfg.Log = orDefault(cfg.Log, slog.New(slog.DiscardHandler))
	login, err := cfg.login()
	if err != nil {
		return nil, err
	}
	read, err := reader(cfg, place{cfg.Cloud, login.origin})
	if err != nil {
		return nil, err
	}
	host, err := cfg.host()
	if err != nil && cfg.Source.Scheme == secret.ManagedIdentity {
		return nil, err
	}
	c := &Credential{
		source:    cfg.Source,
		identity:  secret.NewCache(cfg.Source, cfg.TTL, cfg.Log, read),
		scope:     cfg.Cloud.Scope(),
		graphURL:  cfg.Cloud.GraphURL,
		audience:  cfg.Cloud.TokenExchange,
		aws:       cfg.Secrets.AWS,
		vaults:    cfg.Vaults,
		login:     login,
		host:      host,
		patience:  orDefault(cfg.Patience, DefaultPatience),
		onPause:   cfg.OnPause,
		log:       cfg.Log,
		semaphore: make(semaphore, 1),
		resolved:  map[string]string{},
	}
	c.proofs = c.newProofs()
	return c, nil
}

// login returns the login host.
func (cfg Config) login() (*loginHost, error) {
	own := orDefault(cfg.Cloud, cloud.Public())
	var region string
	if cfg.LookupEnv != nil {
		region, _ = cfg.LookupEnv("AZURE_REGIONAL_AUTHORITY_NAME")
	}
	return newLoginHost(orDefault(cfg.LoginURL, own.LoginURL), own, region, cfg.Transport)
}

// Identity returns the app that the source keeps, from the cache while that is
// fresh. What a managed identity is called is known once there was a token of it. The error
// is a *[secret.Error], or wraps context.Canceled.
func (c *Credential) Identity(ctx context.Context) (Identity, error) {
	id, err := c.identity.Get(ctx)
	if err != nil {
		return Identity{}, err
	}
	return c.proofs[id.Method].told(id), nil
}

// Source returns where the identity is kept.
func (c *Credential) Source() secret.Source { return c.source }

// LogValue keeps a Credential that is logged by mistake to its source.
func (c *Credential) LogValue() slog.Value { return slog.StringValue(c.source.String()) }

// Format writes the source, whatever the verb.
func (c *Credential) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.source.String()) }

// stopped is the error of a call whose context ended.
func (c *Credential) stopped(cause error) error {
	if errors.Is(cause, context.DeadlineExceeded) {
		return &Error{Kind: Unavailable, Problem: "the deadline came before a token did", Advice: "allow more time, or try again later", Source: c.source.String(), Err: cause}
	}
	return fmt.Errorf("credentials: %w", cause)
}

func orDefault[T comparable](value, def T) T {
	var zero T
	if value == zero {
		return def
	}
	return value
}

// semaphore admits one goroutine at a time. Unlike a mutex, it releases those
// whose context ends while they wait.
type semaphore chan struct{}

func (s semaphore) acquire(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s semaphore) release() { <-s }
