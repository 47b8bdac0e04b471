// Package tenant serves simulated tenants on loopback and says how a program
// reaches them.
package tenant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// Access says where a tenant is read, and as whom.
type Access struct {
	// URL serves both the tokens and Graph.
	URL string
	// TenantID is its GUID.
	TenantID string
	// ClientID and ClientSecret are the app's.
	ClientID, ClientSecret string
	// Authorities is a PEM file of the certificates to trust.
	Authorities string
}

// Hosts is the environment of a program that reaches the tenant and has its
// credentials from elsewhere.
func (a Access) Hosts() []string {
	return []string{"SSL_CERT_FILE=" + a.Authorities, "ROLLCALL_LOGIN_URL=" + a.URL, "ROLLCALL_GRAPH_URL=" + a.URL}
}

// Environ is the environment of a program that reaches the tenant and signs in.
func (a Access) Environ() []string {
	return append(a.Hosts(), "AZURE_TENANT_ID="+a.TenantID, "AZURE_CLIENT_ID="+a.ClientID, "AZURE_CLIENT_SECRET="+a.ClientSecret)
}

// FromEnviron reads what Environ says from the environment of this process.
func FromEnviron() (Access, error) {
	a := Access{
		URL: os.Getenv("ROLLCALL_GRAPH_URL"), TenantID: os.Getenv("AZURE_TENANT_ID"),
		ClientID: os.Getenv("AZURE_CLIENT_ID"), ClientSecret: os.Getenv("AZURE_CLIENT_SECRET"),
		Authorities: os.Getenv("SSL_CERT_FILE"),
	}
	if a.URL == "" {
		return a, errors.New("ROLLCALL_GRAPH_URL is not set: make bench sets it")
	}
	return a, nil
}

// Secret is the credentials as Secrets Manager keeps them, in the spelling of
// the documentation, with this client secret.
func (a Access) Secret(clientSecret string) (string, error) {
	text, err := json.Marshal(map[string]string{"TenantID": a.TenantID, "ClientID": a.ClientID, "ClientSecret": clientSecret})
	return string(text), err
}

// Trust adds a certificate in PEM to those that programs trust from then on.
func (a Access) Trust(certificate []byte) error {
	f, err := os.OpenFile(a.Authorities, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("trust a certificate: %w", err)
	}
	_, err = f.Write(certificate)
	return errors.Join(err, f.Close())
}

// Tenant is a simulated tenant on loopback.
type Tenant struct {
	*simulator.Tenant
	Access

	server *simulator.Server
	dir    string
}

// New makes a tenant that Start serves.
func New(cfg simulator.Config) *Tenant {
	if leak.Active() {
		cfg.Around = leak.Wire
	}
	people := simulator.New(cfg)
	cfg = people.Config()
	leak.Name("client secret", cfg.ClientSecret)
	return &Tenant{Tenant: people, Access: Access{TenantID: cfg.Tenant, ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret}}
}

// Start serves the tenant until Close, on a free port of loopback, and returns it.
func (t *Tenant) Start(ctx context.Context) (*Tenant, error) {
	var err error
	if t.dir, err = os.MkdirTemp("", "rollcall-tenant-"); err != nil {
		return nil, err
	}
	if t.server, err = t.Tenant.Start(context.WithoutCancel(ctx)); err != nil {
		return nil, errors.Join(err, os.RemoveAll(t.dir))
	}
	t.URL, t.Authorities = t.server.URL, filepath.Join(t.dir, "ca.pem")
	if err := t.Trust(t.server.CAPEM); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Close ends the server.
func (t *Tenant) Close() {
	_ = t.server.Close()
	_ = os.RemoveAll(t.dir)
}
