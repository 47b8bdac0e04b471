package graphapi

import "slices"

// right is what a token's roles permit.
type right int

const (
	readBasics right = 1 << iota
	readUsers
	readSignIns
	readAttributes
	readLifeCycle
	readOrganization
	subscribe
	readApplications
	writeOwnApplications
	writeApplications
)

// Role is an application permission that decides about Graph's answers.
type Role struct {
	// Name is that in the token's claim roles, Summary a line for people.
	Name, Summary string

	rights right
}

// Roles are the application permissions that the tenant knows (permissions reference of
// Microsoft Graph). Any other can be in a token, and permits nothing.
func Roles() []Role {
	const whole, directory = readBasics | readUsers, readBasics | readUsers | readOrganization | readApplications
	return []Role{
		{"User.Read.All", "users with all properties, their managers, changes, the count, subscriptions", whole | subscribe},
		{"User.ReadWrite.All", "the same, without subscriptions", whole},
		{"User.ReadBasic.All", "users and the count; all but names, mail and ids is null, without managers and changes", readBasics},
		{"Directory.Read.All", "as User.Read.All, without subscriptions, and the organization and app registrations", directory},
		{"Directory.ReadWrite.All", "the same", directory},
		{"AuditLog.Read.All", "signInActivity as well", readSignIns},
		{"CustomSecAttributeAssignment.Read.All", "customSecurityAttributes as well", readAttributes},
		{"CustomSecAttributeAssignment.ReadWrite.All", "the same", readAttributes},
		{"User-LifeCycleInfo.Read.All", "employeeLeaveDateTime as well", readLifeCycle},
		{"User-LifeCycleInfo.ReadWrite.All", "the same", readLifeCycle},
		{"Organization.Read.All", "the organization", readOrganization},
		{"Application.Read.All", "app registrations", readApplications},
		{"Application.ReadWrite.OwnedBy", "app registrations, and the client secrets of those that the app owns", readApplications | writeOwnApplications},
		{"Application.ReadWrite.All", "app registrations and their client secrets", readApplications | writeApplications},
	}
}

// rightsOf adds up what roles permit.
func rightsOf(names []string) (rights right) {
	for _, role := range Roles() {
		if slices.Contains(names, role.Name) {
			rights |= role.rights
		}
	}
	return rights
}

func (c *call) may(r right) bool { return c.rights&r != 0 }
