package property

import "strings"

// Field is one member of a complex type.
type Field struct {
	// Name is the member's exact spelling on the wire.
	Name string
	// Type is its CSDL type, as in [Property.Type].
	Type string
}

// AdditionalData is the column that a typed table has beside the selected ones:
// a JSON object of what the typed columns have no place for. It bears the name
// that Microsoft's client libraries give to the same thing. No property of a
// user is called so.
const AdditionalData = "additionalData"

const (
	text    = "Edm.String"
	guid    = "Edm.Guid"
	boolean = "Edm.Boolean"
	instant = "Edm.DateTimeOffset"
	// untyped is OData's type for a value of any kind.
	untyped = "Edm.Untyped"
	// directoryObject is what $expand=manager($select=id) gives.
	directoryObject = "graph.directoryObject"
)

// ColumnType returns the CSDL type of a column: a property of the table, the
// [Manager] (an object with an id) or an extension.
//
// An extension is Edm.Untyped. A directory extension may be a String, a Boolean,
// an Integer, a LargeInteger, a DateTime or a Binary, alone or many, and a schema
// extension is an object; which it is, only the tenant's own definition tells.
// Whoever needs one type takes its text: that of a string as it is, of
// everything else as JSON.
func ColumnType(name string) (typeName string, ok bool) {
	if p, ok := Lookup(name); ok {
		return p.Type, true
	}
	switch {
	case name == Manager:
		return directoryObject, true
	case IsExtension(name):
		return untyped, true
	default:
		return "", false
	}
}

// Element returns the type of a collection's elements, or the type itself when
// it is no collection.
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
// It is false for every other type, and for three complex types that are best
// kept as JSON text: customSecurityAttributeValue is open by definition,
// userPrint holds only a relationship, and mailboxSettings, which has abstract
// parts, is never in a list. The slice is the caller's own.
func Structure(typeName string) ([]Field, bool) {
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
