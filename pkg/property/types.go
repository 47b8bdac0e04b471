package property

import "strings"

// Field is a member of a complex type.
type Field struct {
	// Name is the exact spelling on the wire.
	Name string
	// Type is the CSDL type, as in [Property.Type].
	Type string
}

// AdditionalData is the column that a typed table has in addition to the selected
// ones: a JSON object of the values that do not fit the typed columns.
// Microsoft's client libraries use the same name for the same thing, and no user
// property has it.
const AdditionalData = "additionalData"

const (
	text    = "Edm.String"
	guid    = "Edm.Guid"
	boolean = "Edm.Boolean"
	instant = "Edm.DateTimeOffset"
	// untyped is OData's type of a value of any kind.
	untyped = "Edm.Untyped"
	// directoryObject is the type of $expand=manager($select=id).
	directoryObject = "graph.directoryObject"
)

// ColumnType returns the CSDL type of a column: a property of the table, the
// [Manager] (an object with an id), [ODataType], an extension, or an optional column that
// no table knows.
//
// The last two are Edm.Untyped. A directory extension may be a String, Boolean,
// Integer, LargeInteger, DateTime or Binary, or a collection of them, and a
// schema extension is an object; only the tenant's own definition says which.
// Columns that need one type store text: strings as they are, everything else as
// JSON.
func ColumnType(name string) (typeName string, ok bool) {
	if p, ok := Lookup(name); ok {
		return p.Type, true
	}
	switch {
	case name == Manager:
		return directoryObject, true
	case name == ODataType:
		return text, true
	case IsExtension(name), mayExist(name):
		return untyped, true
	default:
		return "", false
	}
}

// IsInstant reports whether a column has points in time, as [ParseInstant] reads them.
func IsInstant(name string) bool {
	p, ok := Lookup(name)
	return ok && p.Type == instant
}

// Within says where a name is at home that is no property, but a member of a
// structure: "signInActivity: select signInActivity, filter by
// signInActivity/lastSignInDateTime".
func Within(name string) (where string, ok bool) {
	if _, ok := Lookup(name); ok {
		return "", false
	}
	for _, p := range All() {
		element, collection := Element(p.Type)
		fields, _ := Structure(element)
		for _, f := range fields {
			switch {
			case !strings.EqualFold(f.Name, name):
			case collection:
				return p.Name + ": select " + p.Name + ", filter by " + p.Name + "/any(x:x/" + f.Name + " eq …)", true
			default:
				return p.Name + ": select " + p.Name + ", filter by " + p.Name + "/" + f.Name, true
			}
		}
	}
	return "", false
}

// Element returns the element type of a collection, or the type itself if it is
// not a collection.
func Element(typeName string) (element string, collection bool) {
	inner, ok := strings.CutPrefix(typeName, "Collection(")
	if !ok {
		return typeName, false
	}
	return strings.TrimSuffix(inner, ")"), true
}

// Structure returns the members of a complex type, in the order of Graph's
// documentation. It follows the v1.0 metadata, derived types included:
// serviceProvisioningError has the errorDetail of serviceProvisioningXmlError.
//
// ok is false for every other type, and for three complex types that are better
// kept as JSON text: customSecurityAttributeValue is an open type, userPrint has
// only a relationship, and mailboxSettings, which has abstract parts, is never in
// a list. The caller owns the slice.
func Structure(typeName string) (fields []Field, ok bool) {
	switch typeName {
	case directoryObject:
		return []Field{{"id", text}}, true
	case "graph.assignedLicense":
		return []Field{{"disabledPlans", "Collection(" + guid + ")"}, {"skuId", guid}}, true
	case "graph.assignedPlan":
		return []Field{{"assignedDateTime", instant}, {"capabilityStatus", text}, {"service", text}, {"servicePlanId", guid}}, true
	case "graph.authorizationInfo":
		return []Field{{"certificateUserIds", "Collection(" + text + ")"}}, true
	case "graph.employeeOrgData":
		return []Field{{"costCenter", text}, {"division", text}}, true
	case "graph.licenseAssignmentState":
		return licenseAssignmentState(), true
	case "graph.objectIdentity":
		return []Field{{"issuer", text}, {"issuerAssignedId", text}, {"signInType", text}}, true
	case "graph.onPremisesExtensionAttributes":
		return extensionAttributes(), true
	case "graph.onPremisesProvisioningError":
		return []Field{{"category", text}, {"occurredDateTime", instant}, {"propertyCausingError", text}, {"value", text}}, true
	case "graph.passwordProfile":
		return []Field{{"forceChangePasswordNextSignIn", boolean}, {"forceChangePasswordNextSignInWithMfa", boolean}, {"password", text}}, true
	case "graph.provisionedPlan":
		return []Field{{"capabilityStatus", text}, {"provisioningStatus", text}, {"service", text}}, true
	case "graph.serviceProvisioningError":
		return []Field{{"createdDateTime", instant}, {"isResolved", boolean}, {"serviceInstance", text}, {"errorDetail", text}}, true
	case "graph.signInActivity":
		return signInActivity(), true
	default:
		return nil, false
	}
}

func licenseAssignmentState() []Field {
	return []Field{
		{"assignedByGroup", text},
		{"disabledPlans", "Collection(" + guid + ")"},
		{"error", text},
		{"lastUpdatedDateTime", instant},
		{"skuId", guid},
		{"state", text},
	}
}

func signInActivity() []Field {
	return []Field{
		{"lastNonInteractiveSignInDateTime", instant},
		{"lastNonInteractiveSignInRequestId", text},
		{"lastSignInDateTime", instant},
		{"lastSignInRequestId", text},
		{"lastSuccessfulSignInDateTime", instant},
		{"lastSuccessfulSignInRequestId", text},
	}
}

func extensionAttributes() []Field {
	const name = "extensionAttribute"
	fields := make([]Field, 0, 15)
	for _, number := range [...]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"} {
		fields = append(fields, Field{name + number, text})
	}
	return fields
}
