package client

import (
	"context"
	"errors"
	"io"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// Rollcall is this project's way, all of it: the count before and after, every
// id once, the proof.
func Rollcall(ctx context.Context, tenant Tenant, out io.Writer) (int, error) {
	lines := format.NewNDJSON(out)
	err := read(ctx, tenant, func(user graph.User) error { return lines.User(user.Raw) })
	if err != nil {
		return lines.Users(), err
	}
	return lines.Users(), lines.Flush()
}

// Read is Rollcall without the writing: what the reading of Graph takes.
func Read(ctx context.Context, tenant Tenant, _ io.Writer) (users int, err error) {
	err = read(ctx, tenant, func(graph.User) error {
		users++
		return nil
	})
	return users, err
}

// read calls do for every user.
func read(ctx context.Context, tenant Tenant, do func(graph.User) error) error {
	directory, err := connect(tenant)
	if err != nil {
		return err
	}
	request := list.Request{PageSize: PageSize}
	for _, name := range Columns() {
		request.Columns = append(request.Columns, property.Column{Name: name})
	}
	listing := list.New(directory, request, nil)
	for user, err := range listing.Users(ctx) {
		if err == nil {
			err = do(user)
		}
		if err != nil {
			return err
		}
	}
	if !listing.Report().Verified {
		return errors.New("the list is not verified against the count")
	}
	return nil
}

func connect(tenant Tenant) (*graph.Client, error) {
	identity := map[string]string{
		"AZURE_TENANT_ID": tenant.ID, "AZURE_CLIENT_ID": tenant.ClientID, "AZURE_CLIENT_SECRET": tenant.ClientSecret,
	}
	tokens, err := credential.New(credential.Config{
		Source:   secret.Source{Scheme: secret.Environment},
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
