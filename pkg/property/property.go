// Package property knows the properties of a Microsoft Graph v1.0 user: their
// types, whether a list may ask for them, what else Graph wants before it
// hands them out, and which $filter operators they take.
//
// It exists so that a wrong column is refused when the program starts, with a
// sentence that says what to do, and not by Graph half an hour later. It knows
// nothing of HTTP and imports only the standard library. Nothing happens when a
// program starts; each question is answered from the table's text.
package property

import "strings"

// Manager is the one relationship that a user list can carry. It is not a
// property: it is read with $expand=manager($select=id), never with $select.
const Manager = "manager"

// Property is one row of the table.
type Property struct {
	// Name is the property's exact spelling on the wire.
	Name string
	// Type is its CSDL type, such as Edm.String, Collection(Edm.String) or
	// graph.signInActivity.
	Type string
	// Default says that Graph returns the property without a $select.
	Default bool
	// SingleUserOnly says that Graph returns the property for one user by id
	// only: a list that selects it is answered with 501 NotImplemented.
	SingleUserOnly bool
	// Needs names what the property wants beyond User.Read.All (a further
	// application permission, a licence), or is empty.
	Needs string
	// Filter says which operators $filter takes on the property.
	Filter Filter
}

// Filter is the set of $filter operators that a property takes.
type Filter struct {
	// Default holds the operators that every request may use.
	Default Operators
	// Advanced holds those that want the header ConsistencyLevel: eventual and
	// $count=true ("advanced query capabilities on directory objects").
	Advanced Operators
}

// Lookup finds a property by its exact spelling.
func Lookup(name string) (Property, bool) {
	row, ok := line(name)
	if !ok {
		return Property{}, false
	}
	return parse(row)
}

// Canonical finds the right spelling of a name that differs from a property's
// only in case, so that an error can suggest it.
func Canonical(name string) (right string, ok bool) {
	for row := range lines {
		if candidate, _, _ := strings.Cut(row, "\t"); strings.EqualFold(candidate, name) {
			return candidate, true
		}
	}
	return "", false
}

// All returns every property, in the order of the table: id first, then by
// name. The slice is the caller's own.
func All() []Property {
	var all []Property
	for row := range lines {
		if p, ok := parse(row); ok {
			all = append(all, p)
		}
	}
	return all
}

// needs names what a property wants beyond User.Read.All (Graph user resource
// type, "Permissions").
func needs(name string) string {
	switch name {
	case "signInActivity":
		return "AuditLog.Read.All and an Entra ID P1 or P2 licence"
	case "customSecurityAttributes":
		return "CustomSecAttributeAssignment.Read.All"
	case "employeeLeaveDateTime":
		return "User-LifeCycleInfo.Read.All"
	default:
		return ""
	}
}
