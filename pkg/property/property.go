// Package property describes the properties of a Microsoft Graph v1.0 user:
// their types, whether a list may select them, which further permissions or
// licences they require, and what is published about their $filter operators.
//
// With it a wrong column is rejected at start-up, with an error that says what
// to do, instead of by Graph half an hour later. It knows nothing of HTTP and
// imports only the standard library. Nothing is built at start-up: lookups
// search the text of the table.
package property

import (
	_ "embed" // the table is a file, so that people can read and compare it
	"strings"
)

// Manager is the one relationship that a list of users can include. It is not a
// property: it is read with $expand=manager($select=id), never with $select.
const Manager = "manager"

// ODataType is the type of a user of a derived type, such as #microsoft.graph.agentUser for
// the account of an AI agent. It is not a property: Graph sends it unasked, and only for
// such users.
const ODataType = "@odata.type"

// Property is a row of the table.
type Property struct {
	// Name is the exact spelling on the wire.
	Name string
	// Type is the CSDL type, such as Edm.String, Collection(Edm.String) or
	// graph.signInActivity.
	Type string
	// Default is true if Graph returns the property without a $select.
	Default bool
	// SingleUserOnly is true if Graph returns the property only when a single
	// user is read by id; it answers a list that selects it with 501
	// NotImplemented.
	SingleUserOnly bool
	// Needs is what the property requires beyond User.Read.All (a further
	// application permission, a licence), "" for nothing.
	Needs string
	// Filter is the $filter operators that the property supports.
	Filter Filter
}

// Filter is what Microsoft publishes about the $filter operators that a property
// supports, in its own words: "eq, ne, not , ge and eq on null values", or
// "eq,ne; eq,not" where the members of a complex type are listed one by one.
type Filter struct {
	// Documented is the list of today's documentation.
	Documented string
	// Default and Advanced are the lists of 2021, which split the operators into
	// those that any request may use and those that require the header
	// ConsistencyLevel: eventual and $count=true ("advanced query capabilities on
	// directory objects").
	Default, Advanced string
}

// Lookup finds a property by its exact spelling.
func Lookup(name string) (Property, bool) {
	row, ok := line(name)
	if !ok {
		return Property{}, false
	}
	return parse(row)
}

// Canonical finds the spelling of a property whose name differs from name only
// in case, so that an error can suggest it.
func Canonical(name string) (right string, ok bool) {
	for row := range lines {
		if candidate, _, _ := strings.Cut(row, "\t"); strings.EqualFold(candidate, name) {
			return candidate, true
		}
	}
	return "", false
}

// All returns every property in the order of the table: id first, then by name.
// The caller owns the slice.
func All() []Property {
	var all []Property
	for row := range lines {
		if p, ok := parse(row); ok {
			all = append(all, p)
		}
	}
	return all
}

// Listed returns the names of the properties that Graph returns in a list, which are all but
// the [Property.SingleUserOnly] ones, in the order of the table. The caller owns the slice.
func Listed() []string {
	var names []string
	for _, p := range All() {
		if !p.SingleUserOnly {
			names = append(names, p.Name)
		}
	}
	return names
}

// needs returns [Property.Needs], from "Permissions" of Graph's user resource type.
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

// source is the table: a header, then one line per property.
//
//go:embed user-properties.tsv
var source string

// The columns of the file.
const (
	columnName = iota
	columnType
	columnDefault
	columnSingle
	columnDocumented
	columnFilterDefault
	columnFilterAdvanced
	columns
)

// line finds the line of a property by its exact name.
func line(name string) (string, bool) {
	if name == "" || strings.ContainsAny(name, "\t\n") {
		return "", false
	}
	at := strings.Index(source, "\n"+name+"\t")
	if at < 0 {
		return "", false
	}
	row, _, _ := strings.Cut(source[at+1:], "\n")
	return row, true
}

// lines iterates over the lines of all properties.
func lines(visit func(row string) bool) {
	_, body, _ := strings.Cut(source, "\n")
	for row := range strings.Lines(body) {
		if !visit(strings.TrimSuffix(row, "\n")) {
			return
		}
	}
}

// parse reads one line.
func parse(row string) (Property, bool) {
	cells := strings.Split(row, "\t")
	if len(cells) != columns {
		return Property{}, false
	}
	return Property{
		Name:           cells[columnName],
		Type:           cells[columnType],
		Default:        cells[columnDefault] == "yes",
		SingleUserOnly: cells[columnSingle] == "yes",
		Needs:          needs(cells[columnName]),
		Filter:         Filter{Documented: cells[columnDocumented], Default: cells[columnFilterDefault], Advanced: cells[columnFilterAdvanced]},
	}, true
}
