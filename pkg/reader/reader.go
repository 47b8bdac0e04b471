// Package reader wires what reading needs: configuration, credential, Graph client
// and the key that the API seals with. Functions start from it and know none of the
// wiring.
package reader

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall-dev/rollcall/pkg/advanced"
	"github.com/rollcall-dev/rollcall/pkg/config"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/keyvault"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/odata"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/retry"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// Reader reads one tenant's users.
type Reader struct {
	// Graph is the client, ready to use; its first request buys the token.
	Graph *graph.Client
	// Credential is the app's identity.
	Credential *credential.Credential
	// Request is the list that the configuration describes.
	Request list.Request

	seal   *secret.Cache[[]byte] // nil without ROLLCALL_SEAL_KEY
	expiry expiry
}

// Option changes how a Reader reaches other services; a deployed function needs none.
type Option func(*credential.Config, *graph.Config)

// WithTransport sends the requests to the login and Graph hosts through t.
func WithTransport(t http.RoundTripper) Option {
	return func(c *credential.Config, g *graph.Config) { c.Transport, g.Transport = t, t }
}

// WithAWS loads the AWS configuration for secrets by load.
func WithAWS(load func(ctx context.Context, region string) (aws.Config, error)) Option {
	return func(c *credential.Config, _ *graph.Config) { c.Secrets.AWS = load }
}

// WithAudience is for a person who watches: each wait for a token or for Graph is shown,
// and a Graph host that cannot be reached fails soon. show may be nil.
func WithAudience(show func(retry.Pause)) Option {
	return func(c *credential.Config, g *graph.Config) { c.OnPause, g.OnPause, g.Impatient = show, show, true }
}

// New wires a Reader. It makes no request and reads no secret; both happen with
// the first call that needs them.
func New(cfg *config.Config, log *slog.Logger, options ...Option) (*Reader, error) {
	for _, name := range cfg.Replaced {
		log.Warn("a host of the cloud is replaced; the client secret or the token goes there", "variable", name)
	}
	forCredential, forGraph := configure(cfg, log, options)
	identity, err := credential.New(forCredential)
	if err != nil {
		return nil, err
	}
	forGraph.Tokens, forGraph.Grant = identity, identity.Grant
	client, err := graph.New(forGraph)
	if err != nil {
		return nil, err
	}
	isAdvanced, err := checkQuery(cfg)
	if err != nil {
		return nil, err
	}
	r := &Reader{Graph: client, Credential: identity, expiry: expiry{log: log, watch: credential.WatchExpiry(log)}, Request: list.Request{
		Columns: cfg.Select, Filter: cfg.Filter, Advanced: isAdvanced, PageSize: cfg.PageSize, Slack: cfg.CountSlack, RequireVerified: cfg.RequireVerified,
	}}
	if r.Request.Parallel = int(cfg.Parallel); cfg.Parallel == config.Auto {
		r.Request.Parallel, r.Request.Auto, r.Request.Memory = list.MaxAuto, true, memory(cfg)
	}
	if cfg.SealKey == (secret.Source{}) {
		return r, nil
	}
	if r.seal, err = sealKey(cfg.SealKey, forCredential.Secrets, log); err != nil {
		return nil, err
	}
	return r, nil
}

// configure makes the configurations of the credential and of the Graph client.
func configure(cfg *config.Config, log *slog.Logger, options []Option) (credential.Config, graph.Config) {
	forCredential := credential.Config{
		Source: cfg.Credentials, Cloud: cfg.Cloud, LoginURL: cfg.LoginURL, LookupEnv: cfg.LookupEnv, Log: log,
	}
	forGraph := graph.Config{BaseURL: cfg.GraphURL, Log: log}
	for _, option := range options {
		option(&forCredential, &forGraph)
	}
	signIn := forCredential // with which it signs in to vaults
	forCredential.Vaults = &keyvault.Vaults{
		Domain: cfg.VaultDomain, Transport: forCredential.Transport,
		Credential: func() (azcore.TokenCredential, error) { return credential.Default(signIn) },
	}
	forCredential.Secrets.Vault = forCredential.Vaults
	return forCredential, forGraph
}

// Secrets is how a function reads secrets beside its credentials, such as that of webhooks.
func Secrets(cfg *config.Config, options ...Option) secret.Access {
	c, _ := configure(cfg, nil, options)
	return c.Secrets
}

// Vaults are the key vaults of the cloud, as a function signs in to them.
func Vaults(cfg *config.Config, options ...Option) *keyvault.Vaults {
	c, _ := configure(cfg, nil, options)
	return c.Vaults
}

// memory is what the process may use, 0 if that is not limited: the size of the Lambda
// function, or GOMEMLIMIT.
func memory(cfg *config.Config) int64 {
	if limit := debug.SetMemoryLimit(-1); cfg.MemorySize == 0 && limit < math.MaxInt64 {
		return limit
	}
	return cfg.MemorySize
}

// checkQuery reports whether the configured list is known to need an advanced query. The
// error says what Graph cannot combine. A filter that is not understood here is for
// Graph to judge.
func checkQuery(cfg *config.Config) (isAdvanced bool, err error) {
	q := advanced.Query{Columns: cfg.Select}
	if q.Filter, _ = odata.ParseFilter(cfg.Filter); q.Filter == nil {
		return false, nil
	}
	for _, name := range q.Filter.Properties() {
		if where, ok := property.Within(name); ok {
			return false, &config.Error{Problems: []config.Problem{{Variable: "ROLLCALL_FILTER", Text: fmt.Sprintf("%q is a member of %s", name, where)}}}
		}
	}
	if err := q.Conflict(); err != nil {
		return false, &config.Error{Problems: []config.Problem{{Variable: "ROLLCALL_FILTER", Text: err.Error()}}}
	}
	return q.Needed(), nil
}
