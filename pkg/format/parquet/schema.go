package parquet

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// shape is how a column is stored.
type shape int

const (
	asText shape = iota
	asBoolean
	asInt32
	asTimestamp
	asList
	asGroup
)

// node is a column, the element of a list or a member of a group. All but the id are
// optional.
type node struct {
	name string
	path string // for errors
	typ  string // CSDL type
	shape
	required bool
	// def is the definition level at which the node is null, rep the repetition
	// level of further values of it (see "Dremel").
	def, rep int
	// The leaves of the node are first to end-1, numbered through the file.
	first, end int
	// fields are the members of a group or the element of a list.
	fields []node
	// order is which field was at each place of the last such object.
	order []int
}

// find returns the index of the field with a name, or -1. place is the place of the
// name in its object: Graph always writes members in the same order, so the index is
// mostly that of the last object.
func (n *node) find(name []byte, place int) int {
	if place < len(n.order) {
		if at := n.order[place]; at >= 0 && n.fields[at].name == string(name) {
			return at
		}
	}
	at := slices.IndexFunc(n.fields, func(f node) bool { return f.name == string(name) })
	if place < len(n.order) {
		n.order[place] = at
	} else if place == len(n.order) && place < 2*len(n.fields) {
		n.order = append(n.order, at)
	}
	return at
}

// newTree makes the tree of the columns. The root is the user.
func newTree(columns []string) (*node, error) {
	root := &node{shape: asGroup, required: true}
	seen := map[string]bool{}
	for _, name := range columns {
		typeName, ok := property.ColumnType(name)
		switch {
		case !ok:
			return nil, fmt.Errorf("write Parquet: column %q is unknown: it is neither a property of a user, nor an extension, nor manager", name)
		case seen[name]:
			return nil, fmt.Errorf("write Parquet: column %q is listed twice: remove one", name)
		}
		seen[name] = true
		root.add(node{name: name, path: name, typ: typeName, required: name == "id"})
	}
	root.add(node{name: property.AdditionalData, path: property.AdditionalData, typ: "Edm.String"})
	return root, nil
}

// layOut sets the shape of the node, its leaves and what is below.
func (n *node) layOut(first int) {
	n.first, n.end = first, first+1
	element, collection := property.Element(n.typ)
	if collection {
		n.shape = asList
		// One level for the list not being null, one for it not being empty.
		n.add(node{path: n.path, typ: element, def: n.def + 2, rep: n.rep + 1})
		return
	}
	if fields, ok := property.Structure(n.typ); ok {
		n.shape = asGroup
		for _, f := range fields {
			n.add(node{name: f.Name, path: n.path + "." + f.Name, typ: f.Type, def: n.def + 1, rep: n.rep})
		}
		return
	}
	switch n.typ {
	case "Edm.Boolean":
		n.shape = asBoolean
	case "Edm.Int32":
		n.shape = asInt32
	case "Edm.DateTimeOffset":
		n.shape = asTimestamp
	}
}

// add lays a field out behind the last one.
func (n *node) add(field node) {
	first := n.first
	if len(n.fields) > 0 {
		first = n.end
	}
	field.layOut(first)
	n.end = field.end
	n.fields = append(n.fields, field)
}

// schemaOf returns the schema of the file, the tree in the library's terms.
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
	case asTimestamp:
		typed = parquet.Timestamp(parquet.Microsecond)
	case asList:
		typed = parquet.List(nodeOf(&n.fields[0]))
	case asGroup:
		typed = groupOf(n.fields)
	default:
		if typed = parquet.String(); isDistinct(n.path) {
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

// isDistinct reports whether nearly every user has a text of their own there, so
// that a dictionary would only cost memory and time. All other columns start with a
// dictionary, which is given up if it grows beyond dictionaryBytes.
func isDistinct(path string) bool {
	return slices.Contains([]string{
		"id", "userPrincipalName", "displayName", "mail", "mailNickname", "employeeId", "mobilePhone", "imAddresses", "otherMails",
		"proxyAddresses", "onPremisesDistinguishedName", "onPremisesImmutableId", "onPremisesSamAccountName",
		"onPremisesSecurityIdentifier", "onPremisesUserPrincipalName", "securityIdentifier", "identities.issuerAssignedId",
		"authorizationInfo.certificateUserIds", "additionalData",
	}, path) || strings.HasSuffix(path, "RequestId")
}

// group is a group with ordered fields. parquet.Group sorts them.
type group struct {
	parquet.Group
	fields []parquet.Field
}

// Fields returns the fields in order.
func (g group) Fields() []parquet.Field { return g.fields }

// field is a node with a name.
type field struct {
	parquet.Node
	name string
}

// Name returns the field's name.
func (f field) Name() string { return f.name }

// Value returns the field of a map. The library's interface requires it; users are
// written as values and do not need it.
func (f field) Value(base reflect.Value) reflect.Value { return base.MapIndex(reflect.ValueOf(f.name)) }
