// Package client holds the ways to read a tenant that are compared: this
// project's, and the loops that people write by hand. Each reads every user of
// the tenant over TLS and writes them as NDJSON. Command peers adds Microsoft's
// SDK, which is too large to be linked into anything else.
package client

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
)

// Tenant says where a tenant is read and as whom.
type Tenant struct {
	// URL serves both the tokens and Graph.
	URL string
	// ID is the tenant's GUID.
	ID string
	// ClientID and ClientSecret are the app's.
	ClientID, ClientSecret string
}

// Environ hands the tenant to another process.
func (t Tenant) Environ() []string {
	return []string{
		"TENANT_URL=" + t.URL, "TENANT_ID=" + t.ID, "TENANT_CLIENT=" + t.ClientID, "TENANT_SECRET=" + t.ClientSecret,
	}
}

// FromEnviron takes the tenant that Environ handed over.
func FromEnviron() (Tenant, error) {
	t := Tenant{os.Getenv("TENANT_URL"), os.Getenv("TENANT_ID"), os.Getenv("TENANT_CLIENT"), os.Getenv("TENANT_SECRET")}
	if t.URL == "" {
		return t, errors.New("TENANT_URL is not set: make bench sets it")
	}
	return t, nil
}

// List reads every user of the tenant, writes each as a line of JSON to out, and
// returns how many there were.
type List func(ctx context.Context, tenant Tenant, out io.Writer) (int, error)

// PageSize is the $top of every client: the largest that Graph takes.
const PageSize = 999

// bufferSize is that of the buffer before out, the same for every client.
const bufferSize = 64 << 10

// Columns are the properties that every client asks for: the default of
// ROLLCALL_SELECT.
func Columns() []string {
	return strings.Split("id,userPrincipalName,displayName,givenName,surname,mail,jobTitle,department,companyName,"+
		"employeeId,employeeType,accountEnabled,userType,createdDateTime,onPremisesSyncEnabled", ",")
}
