package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// identity says who the managed identity is, and which permissions the token has. It returns
// false if users cannot be read: a managed identity has only what was granted to it by name,
// while an app without User.Read.All may still have enough.
func (c *checks) identity(ctx context.Context, t *tenant) bool {
	id, err := t.Credential.Identity(ctx)
	if err != nil {
		return true // the check before it has told
	}
	managed, roles := id.Method == credential.ManagedIdentity, id.Roles
	if managed {
		c.ok("identity", "%s", id)
	} else if roles, err = t.Credential.Permissions(ctx); err != nil {
		return true
	}
	if roles == nil {
		c.skip("role", "because the token does not say which permissions it has; the next check finds out")
		return true
	}
	var missing []string
	for _, permission := range permissions(t.Request.Columns) {
		if !has(roles, permission) {
			missing = append(missing, "the token does not have "+permission+": "+cmp.Or(t.Credential.Grant(permission), "grant it, with admin consent, to the app's registration"))
		}
	}
	switch {
	case len(missing) == 0:
		c.ok("role", "%s", strings.Join(roles, ", "))
	case managed:
		c.failed("role", errors.New(strings.Join(missing, "\n")))
		return has(roles, "User.Read.All")
	default:
		c.warn("role", "%s", cmp.Or(strings.Join(roles, ", "), "the token has no application permission"))
		c.below(strings.Join(missing, "\n"))
	}
	return true
}

// permissions are those that a list of the columns needs.
func permissions(columns []property.Column) []string {
	needed := []string{"User.Read.All"}
	if slices.ContainsFunc(columns, func(column property.Column) bool { return column.Name == "signInActivity" && !column.Optional }) {
		needed = append(needed, "AuditLog.Read.All")
	}
	return needed
}

// has reports whether roles include a permission, or one that includes it.
func has(roles []string, permission string) bool {
	wider := []string{permission}
	if permission == "User.Read.All" {
		wider = append(wider, "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
	}
	return slices.ContainsFunc(wider, func(role string) bool { return slices.Contains(roles, role) })
}
