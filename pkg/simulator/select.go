package simulator

import (
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// selection reads a $select list.
func selection(value string) ([]string, *graphError) {
	var names []string
	for name := range strings.SplitSeq(value, ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			return nil, badRequest("Parsing OData Select and Expand failed: Term '" + value + "' is not valid in a $select or $expand expression.")
		}
		names = append(names, name)
	}
	return names, nil
}

func noSuchProperty(name string) *graphError {
	return badRequest("Parsing OData Select and Expand failed: Could not find a property named '" + name + "' on type 'microsoft.graph.user'.")
}

// resolve turns the selected names into columns for a list.
func (q *listQuery) resolve() *graphError {
	names := q.selected
	if names == nil {
		names = defaultNames()
	}
	for _, name := range names {
		if p, ok := property.Lookup(name); ok && p.SingleUserOnly {
			return refuse(http.StatusNotImplemented, "NotImplemented",
				"Property '"+name+"' is not supported on a collection of users; it is returned for a single user only.")
		}
	}
	var bad string
	if q.columns, bad = columnsOf(names); bad != "" {
		return noSuchProperty(bad)
	}
	if q.manager {
		q.columns = append(q.columns, column{name: property.Manager, emit: nil})
	}
	return nil
}

// basic is what User.ReadBasic.All shows; everything else is null.
func basic(name string) bool {
	switch name {
	case "id", "displayName", "givenName", "surname", "mail", "userPrincipalName", "securityIdentifier":
		return true
	default:
		return false
	}
}

// permit checks the token's roles against what is selected or filtered by, and
// blanks what a basic role does not show. User resource type, "Permissions".
func (t *Tenant) permit(roles roleSet, columns []column, uses func(name string) bool) ([]column, *graphError) {
	denied := refuse(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	if !roles.any("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All", "User.ReadBasic.All") {
		return nil, denied
	}
	if uses("signInActivity") {
		switch {
		case !roles.any("AuditLog.Read.All"):
			return nil, refuse(http.StatusForbidden, "Authentication_MSGraphPermissionMissing",
				"The principal does not have required Microsoft Graph permission(s): AuditLog.Read.All to call this API. For more information about Microsoft Graph permissions, please visit https://learn.microsoft.com/graph/permissions-overview.")
		case t.config.Free || t.config.B2C:
			return nil, refuse(http.StatusForbidden, "Authentication_RequestFromNonPremiumTenantOrB2CTenant",
				"Neither tenant is B2C or tenant doesn't have premium license")
		}
	}
	if uses("customSecurityAttributes") && !roles.any("CustomSecAttributeAssignment.Read.All", "CustomSecAttributeAssignment.ReadWrite.All") {
		return nil, denied
	}
	if uses("employeeLeaveDateTime") && !roles.any("User-LifeCycleInfo.Read.All", "User-LifeCycleInfo.ReadWrite.All") {
		return nil, denied
	}
	if roles.any("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All") {
		return columns, nil
	}
	blanked := make([]column, 0, len(columns))
	for _, c := range columns {
		switch {
		case c.name == property.Manager:
			return nil, denied
		case !basic(c.name):
			c.emit = literal("null")
		}
		blanked = append(blanked, c)
	}
	return blanked, nil
}
