// Package glue derives the columns of the template's AWS Glue tables from the
// user properties, so that template.yaml and the files can be checked against them.
package glue

import (
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/property"
)

// Files is the kind of files that a table reads. A few types depend on it.
type Files int

// The kinds of files that a snapshot can have.
const (
	// NDJSON is read by the OpenX JSON SerDe (org.openx.data.jsonserde.JsonSerDe).
	NDJSON Files = iota
	// CSV is read by the OpenCSV SerDe (org.apache.hadoop.hive.serde2.OpenCSVSerde).
	CSV
	// Parquet is written by package format/parquet.
	Parquet
)

// Column is a column of a table in the AWS Glue Data Catalog.
type Column struct {
	// Name is in lower case, the only case that Glue and Hive know. Both SerDes and
	// Athena's Parquet reader ignore case.
	Name string
	// Type is the Hive type.
	Type string
}

// Columns returns the columns of a table that can read any snapshot: every
// property that a list can have, in the order of the property table, then the
// manager, then, over Parquet, [property.AdditionalData]. Columns that a snapshot
// lacks are null.
func Columns(files Files) []Column {
	var all []Column
	for _, name := range append(property.Listed(), property.Manager) {
		typeName, _ := property.ColumnType(name)
		all = append(all, Column{strings.ToLower(name), hiveType(typeName, files)})
	}
	if files == Parquet {
		all = append(all, Column{strings.ToLower(property.AdditionalData), "string"})
	}
	return all
}

// Type returns the Hive type of a property, of the manager, of an extension or of
// [property.AdditionalData], such as boolean, array<string> or
// array<struct<skuid:string>>. Names within a struct are in lower case, as Hive
// has them.
//
// A date is a timestamp over Parquet, where it is stored as one. Over NDJSON it is
// a string, the text that Graph sent: the OpenX SerDe silently reads every date it
// cannot parse as null, and dates before 1582 wrongly, and Graph sends
// "0001-01-01T00:00:00Z" and "" for "never". from_iso8601_timestamp converts the
// text. Over CSV everything is a string: the OpenCSV SerDe has no null, and fails on
// an empty number.
func Type(column string, files Files) (hive string, ok bool) {
	if column == property.AdditionalData {
		return "string", files == Parquet
	}
	typeName, ok := property.ColumnType(column)
	if !ok {
		return "", false
	}
	return hiveType(typeName, files), true
}

func hiveType(typeName string, files Files) string {
	if files == CSV {
		return "string"
	}
	if element, collection := property.Element(typeName); collection {
		return "array<" + hiveType(element, files) + ">"
	}
	if fields, ok := property.Structure(typeName); ok {
		members := make([]string, len(fields))
		for i, f := range fields {
			members[i] = strings.ToLower(f.Name) + ":" + hiveType(f.Type, files)
		}
		return "struct<" + strings.Join(members, ",") + ">"
	}
	switch {
	case typeName == "Edm.Boolean":
		return "boolean"
	case typeName == "Edm.Int32":
		return "int"
	case typeName == "Edm.DateTimeOffset" && files == Parquet:
		return "timestamp"
	default:
		return "string"
	}
}
