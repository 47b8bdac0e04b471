package parquet_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// usual is the default select.
func usual() []string {
	return strings.Split("id,userPrincipalName,displayName,givenName,surname,mail,jobTitle,department,companyName,employeeId,"+
		"employeeType,accountEnabled,userType,createdDateTime,onPremisesSyncEnabled", ",")
}

// everything is all that a list can select, including an extension and the manager.
func everything() []string {
	return append(property.Listed(), "extension_0123456789abcdef0123456789abcdef_costCentre", property.Manager)
}

// people lists the users of a simulated tenant, every eighth with hostile texts.
func people(t testing.TB, columns []string, count int) []graph.User {
	t.Helper()
	tenant := simulator.New(simulator.Config{Users: count, Hostile: true, Roles: []string{
		"User.Read.All", "AuditLog.Read.All", "CustomSecAttributeAssignment.Read.All", "User-LifeCycleInfo.Read.All",
	}})
	transport := tenant.Transport()
	client, err := graph.New(graph.Config{
		BaseURL: "https://graph.microsoft.com", Transport: transport, Tokens: tenant.TokenSource(transport),
	})
	if err != nil {
		t.Fatal(err)
	}
	request := list.Request{PageSize: 500}
	for _, name := range columns {
		request.Columns = append(request.Columns, property.Column{Name: name})
	}
	var users []graph.User
	for user, err := range list.New(client, request, nil).Users(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		users = append(users, graph.User{ID: bytes.Clone(user.ID), Raw: bytes.Clone(user.Raw)})
	}
	if len(users) != count {
		t.Fatalf("the tenant listed %d users, want %d", len(users), count)
	}
	return users
}
