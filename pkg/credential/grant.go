package credential

import (
	"context"
	"fmt"
	"slices"

	"github.com/rollcall-dev/rollcall/pkg/secret"
)

// GraphAppID is the application id of Microsoft Graph, the same in every tenant.
const GraphAppID = "00000003-0000-0000-c000-000000000000"

// appRole returns the id of an application permission of Graph ("Microsoft Graph permissions
// reference"), "" for one that is not asked for here.
func appRole(permission string) string {
	switch permission {
	case "User.Read.All":
		return "df021288-bdef-4463-88db-98f22de89214"
	case "AuditLog.Read.All":
		return "b0afded3-3588-46d8-8b3d-9842eff778da"
	}
	return ""
}

// Permissions returns the application permissions in the token by which Graph is asked, nil if it
// cannot be read. Errors are those of [Credential.Token].
func (c *Credential) Permissions(ctx context.Context) ([]string, error) {
	token, err := c.Token(ctx, "", "")
	return principalOf(token).roles, err
}

// Grant says how the identity gets an application permission of Graph that it was refused
// for want of, as one line: who can do it, and the command. It is "" for an identity that has
// an app registration, in whose page it is granted.
func (c *Credential) Grant(permission string) string {
	id := appRole(permission)
	if c.source.Scheme != secret.ManagedIdentity || id == "" {
		return ""
	}
	who, object := "the managed identity", "<object id of the identity>"
	if of := c.host.last.Load(); of != nil && of.object != "" {
		who, object = who+" "+of.object, of.object
		if slices.Contains(of.roles, permission) {
			return fmt.Sprintf("the token of %s has the permission %s; what was asked for needs another one as well", who, permission)
		}
	}
	return fmt.Sprintf(`grant %s the application permission %s, as a Privileged Role Administrator: az rest --method POST --url %s/v1.0/servicePrincipals/%s/appRoleAssignments`+
		` --body '{"principalId":"%s","resourceId":"'$(az ad sp show --id %s --query id --output tsv)'","appRoleId":"%s"}'`+
		`; Azure keeps the tokens of managed identities for up to a day, so that it may take as long until one has the permission`,
		who, permission, c.graphURL, object, object, GraphAppID, id)
}
