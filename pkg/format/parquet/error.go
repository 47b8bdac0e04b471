package parquet

import (
	"errors"
	"fmt"
)

var (
	errClosed    = errors.New("write Parquet: the file is closed already")
	errNotUser   = errors.New("write Parquet: a user is not a JSON object")
	errMalformed = errors.New("write Parquet: a user is not valid JSON")
	errNoID      = errors.New("write Parquet: a user has no id")
)

// KindError says that Graph sent a value of a kind that the property's column
// cannot hold. It names the property and never the value.
type KindError struct {
	// Property is the property's name; within a complex type it is followed by
	// the member's: assignedPlans.assignedDateTime.
	Property string
	// Type is the CSDL type of the property table.
	Type string
	// Kind is what came: string, number, boolean, object or array.
	Kind string
}

// Error implements error.
func (e *KindError) Error() string {
	return fmt.Sprintf("write Parquet: Graph sent a %s as %s, which is %s in its metadata: leave the property out of the select, or write NDJSON, which takes anything",
		e.Kind, e.Property, e.Type)
}

// kindOf names the kind of a valid JSON value.
func kindOf(value []byte) string {
	switch value[0] {
	case '"':
		return "string"
	case 't', 'f':
		return "boolean"
	case '{':
		return "object"
	case '[':
		return "array"
	case 'n':
		return "null"
	default:
		return "number"
	}
}
