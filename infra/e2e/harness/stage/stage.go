// Package stage puts the built functions/users between a simulated tenant and a
// trigger that is played, for tests in which the trigger or the client counts.
// The tests of package users, whose subject is the credential, set their own.
package stage

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// Config says what is played.
type Config struct {
	// Bootstrap is the built function.
	Bootstrap string
	// Kind is the trigger.
	Kind gateway.Kind
	// Tenant is the directory.
	Tenant simulator.Config
	// Timeout is the function's time limit. Default: that of package lambdahost.
	Timeout time.Duration
	// Env are more variables of the function, NAME=value; a later one wins.
	Env []string
}

// Stage is a tenant, a function and a trigger at work.
type Stage struct {
	// Tenant is the directory.
	Tenant *simulator.Tenant
	// Host runs the function.
	Host *lambdahost.Host
	// Gateway is the trigger.
	Gateway *gateway.Server

	base   string
	client *http.Client
	tenant *simulator.Server
	dir    string
}

// Start sets the stage. The caller closes it.
func Start(ctx context.Context, cfg Config) (*Stage, error) {
	s := &Stage{Tenant: simulator.New(cfg.Tenant), base: cfg.Kind.Base}
	if err := s.start(ctx, cfg); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stage) start(ctx context.Context, cfg Config) (err error) {
	if s.dir, err = os.MkdirTemp("", "rollcall-stage-"); err != nil {
		return err
	}
	if s.tenant, err = s.Tenant.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	authority := filepath.Join(s.dir, "ca.pem")
	if err := os.WriteFile(authority, s.tenant.CAPEM, 0o600); err != nil {
		return err
	}
	tenant := s.Tenant.Config()
	env := []string{
		"SSL_CERT_FILE=" + authority,
		"TMPDIR=" + s.dir,
		"ROLLCALL_CREDENTIALS=env:",
		"AZURE_TENANT_ID=" + tenant.Tenant,
		"AZURE_CLIENT_ID=" + tenant.ClientID,
		"AZURE_CLIENT_SECRET=" + tenant.ClientSecret,
		"ROLLCALL_LOGIN_URL=" + s.tenant.URL,
		"ROLLCALL_GRAPH_URL=" + s.tenant.URL,
	}
	if cfg.Kind.Streams {
		env = append(env, "ROLLCALL_RESPONSE=stream")
	}
	if cfg.Kind.Trusts {
		env = append(env, "ROLLCALL_ALLOW_ANONYMOUS=true")
	}
	s.Host, err = lambdahost.Start(ctx, lambdahost.Config{Bootstrap: cfg.Bootstrap, Timeout: cfg.Timeout, Env: append(env, cfg.Env...)})
	if err != nil {
		return err
	}
	s.Gateway = gateway.Start(cfg.Kind, s.Host)
	s.client = s.Gateway.Client()
	return nil
}

// Token is what the callers of the stage authorise themselves with. No log may
// hold it.
const Token = "c4ller-token.that-no-log.may.hold"

// Get sends GET of a path below the trigger's address, or of a whole link. A
// header without a value is not sent. The caller closes the response's body.
func (s *Stage) Get(ctx context.Context, address string, header http.Header) (*http.Response, error) {
	if !strings.Contains(address, "://") {
		address = s.base + address
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	for name, values := range header {
		if len(values) > 0 && values[0] != "" {
			request.Header[name] = values
		}
	}
	return s.client.Do(request)
}

// Leaks returns what the function wrote to its log and must not have: the
// secret, tokens, and whatever else is asked for.
func (s *Stage) Leaks(personal ...string) []string {
	log := s.Host.Output()
	var found []string
	for _, canary := range append(personal, Token, s.Tenant.Config().ClientSecret, "eyJ") {
		if canary != "" && strings.Contains(log, canary) {
			found = append(found, canary)
		}
	}
	return found
}

// Close ends everything. It may be called more than once.
func (s *Stage) Close() {
	if s.client != nil {
		s.client.CloseIdleConnections()
	}
	if s.Host != nil {
		s.Host.Close()
	}
	if s.Gateway != nil {
		s.Gateway.Close()
	}
	if s.tenant != nil {
		_ = s.tenant.Close()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}
