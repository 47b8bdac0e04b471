package client

import (
	"context"
	"errors"
	"io"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/roll"
)

// Rollcall is this project's way, all of it: the count before and after, every
// id once, the proof.
func Rollcall(ctx context.Context, tenant Tenant, out io.Writer) (int, error) {
	directory, err := connect(tenant)
	if err != nil {
		return 0, err
	}
	request := roll.Request{PageSize: PageSize}
	for _, name := range Columns() {
		request.Columns = append(request.Columns, roll.Column{Name: name})
	}
	listing := roll.List(directory, request, nil)
	lines := format.NewNDJSON(out)
	for user, err := range listing.Users(ctx) {
		if err != nil {
			return lines.Users(), err
		}
		if err := lines.User(user.Raw); err != nil {
			return lines.Users(), err
		}
	}
	if !listing.Report().Verified {
		return lines.Users(), errors.New("the list is not verified against the count")
	}
	return lines.Users(), lines.Flush()
}

func connect(tenant Tenant) (*graph.Client, error) {
	source, err := credential.ParseSource("env:")
	if err != nil {
		return nil, err
	}
	identity := map[string]string{
		"AZURE_TENANT_ID": tenant.ID, "AZURE_CLIENT_ID": tenant.ClientID, "AZURE_CLIENT_SECRET": tenant.ClientSecret,
	}
	tokens, err := credential.New(credential.Config{
		Source:   source,
		LoginURL: tenant.URL,
		LookupEnv: func(name string) (string, bool) {
			value, ok := identity[name]
			return value, ok
		},
	})
	if err != nil {
		return nil, err
	}
	return graph.New(graph.Config{BaseURL: tenant.URL, Tokens: tokens})
}
