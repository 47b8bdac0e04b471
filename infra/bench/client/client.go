// Package client has the ways to read a tenant that are compared: this project's,
// and the loops that people write by hand. Each reads every user of the tenant
// over TLS and writes them as NDJSON. Command peers adds Microsoft's SDK, which is
// too large to be linked into anything else.
package client

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
)

// List reads every user of the tenant, writes each as a line of JSON to out, and
// returns how many there were.
type List func(ctx context.Context, from tenant.Access, out io.Writer) (int, error)

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

// Row is a user in a program that has a struct for it. Null stays null.
type Row struct {
	ID                    *string    `json:"id"`
	UserPrincipalName     *string    `json:"userPrincipalName"`
	DisplayName           *string    `json:"displayName"`
	GivenName             *string    `json:"givenName"`
	Surname               *string    `json:"surname"`
	Mail                  *string    `json:"mail"`
	JobTitle              *string    `json:"jobTitle"`
	Department            *string    `json:"department"`
	CompanyName           *string    `json:"companyName"`
	EmployeeID            *string    `json:"employeeId"`
	EmployeeType          *string    `json:"employeeType"`
	AccountEnabled        *bool      `json:"accountEnabled"`
	UserType              *string    `json:"userType"`
	CreatedDateTime       *time.Time `json:"createdDateTime"`
	OnPremisesSyncEnabled *bool      `json:"onPremisesSyncEnabled"`
}
