package client

import (
	"context"
	"errors"
	"io"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/tenant"
	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/format"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// Rollcall is this project's way, with the whole proof of completeness.
func Rollcall(ctx context.Context, from tenant.Access, out io.Writer) (int, error) {
	lines := format.NewNDJSON(out)
	err := read(ctx, from, func(user graph.User) error { return lines.User(user.Raw) })
	if err != nil {
		return lines.Users(), err
	}
	return lines.Users(), lines.Flush()
}

// Read is Rollcall without writing: what reading Graph takes.
func Read(ctx context.Context, from tenant.Access, _ io.Writer) (users int, err error) {
	err = read(ctx, from, func(graph.User) error {
		users++
		return nil
	})
	return users, err
}

// read calls do for every user.
func read(ctx context.Context, from tenant.Access, do func(graph.User) error) error {
	directory, err := connect(from)
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

func connect(from tenant.Access) (*graph.Client, error) {
	identity := map[string]string{
		"AZURE_TENANT_ID": from.TenantID, "AZURE_CLIENT_ID": from.ClientID, "AZURE_CLIENT_SECRET": from.ClientSecret,
	}
	tokens, err := credential.New(credential.Config{
		Source:   secret.Source{Scheme: secret.Environment},
		LoginURL: from.URL,
		LookupEnv: func(name string) (string, bool) {
			value, ok := identity[name]
			return value, ok
		},
	})
	if err != nil {
		return nil, err
	}
	return graph.New(graph.Config{BaseURL: from.URL, Tokens: tokens})
}
