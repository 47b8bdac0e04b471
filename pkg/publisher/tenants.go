package publisher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// row is a tenant of the tenants file.
type row struct {
	Tenant      string `json:"tenant"`
	Credentials string `json:"credentials"`
}

// tenantsFile reads the tenants: a JSON array of rows with nothing else in them,
// in an object of a store (s3://bucket/key) or a file (file:///path).
func (p *Publisher) tenantsFile(ctx context.Context) ([]row, error) {
	name := p.settings.Tenants.Key
	at, err := p.settings.Tenants.Open(ctx, &p.access, "")
	if err != nil {
		return nil, configured("ROLLCALL_TENANTS", err)
	}
	body, _, err := at.Read(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, invalid("ROLLCALL_TENANTS", errors.New("there is no tenants file at "+at.URL(name)+"; put it there or correct the variable"))
	}
	if err != nil {
		return nil, fmt.Errorf("read the tenants file: %w", err)
	}
	rows, err := parseTenants(body)
	if err != nil {
		return nil, invalid("ROLLCALL_TENANTS", fmt.Errorf("the tenants file %s %w", at.URL(name), err))
	}
	return rows, nil
}

// parseTenants reads the rows of a tenants file. The error quotes nothing of it: people
// write secrets into it.
func parseTenants(body []byte) ([]row, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	var rows []row
	err := d.Decode(&rows)
	if _, more := d.Token(); err != nil || rows == nil || !errors.Is(more, io.EOF) {
		return nil, errors.New(`is not of the form [{"tenant":"<guid>","credentials":"secretsmanager:<ARN>"}]`)
	}
	for i, r := range rows {
		if r.Tenant == "" {
			return nil, fmt.Errorf(`has no tenant in row %d; write {"tenant":"<guid>","credentials":"secretsmanager:<ARN>"}`, i+1)
		}
	}
	return rows, nil
}

// Tenants returns the tenants of the tenants file, as they are written there, or one without
// a name where there is no such file: that of the configured credentials.
func (p *Publisher) Tenants(ctx context.Context) ([]string, error) {
	if p.settings.Tenants.IsZero() {
		return []string{""}, nil
	}
	rows, err := p.tenantsFile(ctx)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(rows))
	for i, r := range rows {
		names[i] = r.Tenant
	}
	return names, nil
}

// credentials returns where the tenants file says that the credentials of a tenant are.
func (p *Publisher) credentials(ctx context.Context, tenant string) (secret.Source, error) {
	rows, err := p.tenantsFile(ctx)
	if err != nil {
		return secret.Source{}, err
	}
	rows = slices.DeleteFunc(rows, func(r row) bool { return !strings.EqualFold(r.Tenant, tenant) })
	switch len(rows) {
	case 0:
		return secret.Source{}, failure.InvalidRequest("tenant names one that is not in the tenants file; add a row for it")
	case 1:
		source, err := secret.ParseSource(rows[0].Credentials)
		if err != nil {
			return secret.Source{}, configured("ROLLCALL_TENANTS", fmt.Errorf("tenant %s: %w", strings.ToLower(tenant), err))
		}
		return source, nil
	}
	return secret.Source{}, invalid("ROLLCALL_TENANTS", fmt.Errorf("tenant %s has %d rows in the tenants file; leave it one", strings.ToLower(tenant), len(rows)))
}
