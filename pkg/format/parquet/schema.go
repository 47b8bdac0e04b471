package parquet

import (
	"reflect"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// schemaOf returns the file's schema: the tree, as the library wants it.
func schemaOf(root *node) *parquet.Schema {
	return parquet.NewSchema("user", groupOf(root.fields))
}

func groupOf(nodes []node) group {
	fields := make([]parquet.Field, len(nodes))
	for i := range nodes {
		fields[i] = field{nodeOf(&nodes[i]), nodes[i].name}
	}
	return group{fields: fields}
}

func nodeOf(n *node) parquet.Node {
	var typed parquet.Node
	switch n.shape {
	case asBoolean:
		typed = parquet.Leaf(parquet.BooleanType)
	case asInt32:
		typed = parquet.Int(32)
	case asInstant:
		typed = parquet.Timestamp(parquet.Microsecond)
	case asList:
		typed = parquet.List(nodeOf(&n.fields[0]))
	case asGroup:
		typed = groupOf(n.fields)
	default:
		if typed = parquet.String(); own(n.path) {
			typed = parquet.Encoded(typed, &parquet.Plain)
		} else {
			typed = parquet.Encoded(typed, &parquet.RLEDictionary)
		}
	}
	if n.required {
		return parquet.Required(typed)
	}
	return parquet.Optional(typed)
}

// own says that hardly two users have the same text there, so that a dictionary
// would only take memory and time. Wherever that is not known a dictionary is
// tried, and given up when it grows beyond dictionaryBytes.
func own(path string) bool {
	return slices.Contains([]string{
		"id", "userPrincipalName", "displayName", "mail", "mailNickname", "employeeId", "mobilePhone", "imAddresses", "otherMails",
		"proxyAddresses", "onPremisesDistinguishedName", "onPremisesImmutableId", "onPremisesSamAccountName",
		"onPremisesSecurityIdentifier", "onPremisesUserPrincipalName", "securityIdentifier", "identities.issuerAssignedId",
		"authorizationInfo.certificateUserIds", "additionalData",
	}, path) || strings.HasSuffix(path, "RequestId")
}

// group is a group that keeps its fields in order. parquet.Group sorts them.
type group struct {
	parquet.Group
	fields []parquet.Field
}

// Fields returns the fields in order.
func (g group) Fields() []parquet.Field { return g.fields }

// field is a node with its name.
type field struct {
	parquet.Node
	name string
}

// Name returns the field's name.
func (f field) Name() string { return f.name }

// Value returns the field of a map. Users are written as values, so that nothing
// here asks for it; the library's interface does.
func (f field) Value(base reflect.Value) reflect.Value { return base.MapIndex(reflect.ValueOf(f.name)) }
