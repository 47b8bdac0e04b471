// Package endpoint runs the built functions/users between a simulated tenant and
// a trigger, for tests about the trigger or its clients. The tests of package
// users, whose subject is the credential, start the function themselves.
package endpoint

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// Config says what to run.
type Config struct {
	// Bootstrap is the built function.
	Bootstrap string
	// Kind is the trigger.
	Kind gateway.Kind
	// Tenant is the directory.
	Tenant simulator.Config
	// Timeout is the function's time limit. Default: that of package lambdahost.
	Timeout time.Duration
	// Trace is that of package lambdahost.
	Trace string
	// Env are more variables of the function, NAME=value; a later one wins.
	Env []string
}

// Endpoint is a function that serves a tenant's users behind a trigger.
type Endpoint struct {
	// Tenant is the directory.
	Tenant *tenant.Tenant
	// Host runs the function.
	Host *lambdahost.Host
	// Gateway is the trigger.
	Gateway *gateway.Server

	base   string
	client *http.Client
}

// Start starts the tenant, the function and the trigger. The caller closes the
// Endpoint.
func (cfg Config) Start(ctx context.Context) (*Endpoint, error) {
	leak.Name("token of a caller", Token)
	directory, err := tenant.New(cfg.Tenant).Start(ctx)
	if err != nil {
		return nil, err
	}
	env := append(directory.Environ(), "ROLLCALL_CREDENTIALS=env:")
	if cfg.Kind.Streams {
		env = append(env, "ROLLCALL_RESPONSE=stream")
	}
	if cfg.Kind.VerifiesNobody {
		env = append(env, "ROLLCALL_ALLOW_ANONYMOUS=true")
	}
	host, err := lambdahost.Config{Bootstrap: cfg.Bootstrap, Timeout: cfg.Timeout, Trace: cfg.Trace, Env: append(env, cfg.Env...)}.Start(ctx)
	if err != nil {
		directory.Close()
		return nil, err
	}
	e := &Endpoint{Tenant: directory, Host: host, Gateway: gateway.Start(cfg.Kind, host), base: cfg.Kind.Base}
	e.client = e.Gateway.Client()
	return e, nil
}

// Token is what callers authorise themselves with. It must not be in any log.
const Token = "c4ller-token.that-no-log.may.contain"

// Address is a whole link as it is, and of a path the address under which callers
// know it.
func (e *Endpoint) Address(path string) string {
	if strings.Contains(path, "://") {
		return path
	}
	return e.base + path
}

// Get is Send with GET.
func (e *Endpoint) Get(ctx context.Context, address string, header http.Header) (*http.Response, error) {
	return e.Send(ctx, http.MethodGet, address, header)
}

// Send sends a request for a path below the trigger's address, or for a whole link. A
// header without a value is not sent. The caller closes the response's body.
func (e *Endpoint) Send(ctx context.Context, method, address string, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, e.Address(address), nil)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	for name, values := range header {
		if len(values) > 0 && values[0] != "" {
			request.Header[name] = values
		}
	}
	return e.client.Do(request)
}

// Leaks returns what the function's log contains and must not: the client secret,
// tokens, and the texts given.
func (e *Endpoint) Leaks(personal ...string) []string {
	return Leaks(e.Host.Output(), append(personal, Token, e.Tenant.ClientSecret)...)
}

// Leaks returns which texts a log contains, and the beginning of a JSON Web Token
// if there is one.
func Leaks(log string, canaries ...string) []string {
	return slices.DeleteFunc(append(slices.Clone(canaries), "eyJ"), func(canary string) bool {
		return canary == "" || !strings.Contains(log, canary)
	})
}

// Close ends everything. It may be called more than once.
func (e *Endpoint) Close() {
	e.client.CloseIdleConnections()
	e.Host.Close()
	e.Gateway.Close()
	e.Tenant.Close()
}
