package parquet

import (
	"fmt"
	"slices"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// shape is how a column is stored.
type shape int

const (
	asText shape = iota
	asBoolean
	asInt32
	asInstant
	asList
	asGroup
)

// node is a column, a list's element or a group's member. All are optional but
// the id.
type node struct {
	name string
	path string // for errors
	typ  string // of the property table
	shape
	required bool
	// def and rep are the definition level at which the node is null and the
	// repetition level of a further value of it (Dremel's levels).
	def, rep int
	// The node's leaves are first to end-1, counted through the file.
	first, end int
	// fields are a group's members or a list's one element.
	fields []node
	// order remembers which member stood at each place of the last such object.
	order []int
}

// find returns which of a group's members a name is, or -1. Graph writes members
// in the same order every time, so that a look at the last object mostly tells.
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

// grow makes the tree of the columns. The root stands for a user.
func grow(columns []string) (*node, error) {
	root := &node{shape: asGroup, required: true}
	seen := map[string]bool{}
	for _, name := range columns {
		typeName, ok := property.ColumnType(name)
		switch {
		case !ok:
			return nil, fmt.Errorf("write Parquet: column %q is unknown: it is no property of a user, no extension and not manager", name)
		case seen[name]:
			return nil, fmt.Errorf("write Parquet: column %q is there twice: remove one", name)
		}
		seen[name] = true
		column := node{name: name, path: name, typ: typeName, required: name == "id"}
		column.plant(root.end)
		root.end = column.end
		root.fields = append(root.fields, column)
	}
	more := node{name: property.AdditionalData, path: property.AdditionalData, typ: "Edm.String"}
	more.plant(root.end)
	root.end = more.end
	root.fields = append(root.fields, more)
	return root, nil
}

// plant settles the shape, the leaves and what is below.
func (n *node) plant(first int) {
	n.first, n.end = first, first+1
	element, collection := property.Element(n.typ)
	if collection {
		n.shape = asList
		// One level says that the list is there, one that it has an element.
		n.sprout(node{path: n.path, typ: element, def: n.def + 2, rep: n.rep + 1})
		return
	}
	if fields, ok := property.Structure(n.typ); ok {
		n.shape = asGroup
		for _, f := range fields {
			n.sprout(node{name: f.Name, path: n.path + "." + f.Name, typ: f.Type, def: n.def + 1, rep: n.rep})
		}
		return
	}
	switch n.typ {
	case "Edm.Boolean":
		n.shape = asBoolean
	case "Edm.Int32":
		n.shape = asInt32
	case "Edm.DateTimeOffset":
		n.shape = asInstant
	}
}

func (n *node) sprout(field node) {
	first := n.first
	if len(n.fields) > 0 {
		first = n.end
	}
	field.plant(first)
	n.end = field.end
	n.fields = append(n.fields, field)
}
