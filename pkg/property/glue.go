package property

import "strings"

// Files says what kind of files a table is laid over. It decides about a few
// types.
type Files int

// The kinds of files that a snapshot can have.
const (
	// NDJSON is read by the OpenX JSON SerDe (org.openx.data.jsonserde.JsonSerDe).
	NDJSON Files = iota
	// CSV is read by the OpenCSV SerDe (org.apache.hadoop.hive.serde2.OpenCSVSerde).
	CSV
	// Parquet is what package format/parquet writes.
	Parquet
)

// GlueColumn is a column of a table in the AWS Glue Data Catalog.
type GlueColumn struct {
	// Name is the column's name in lower case, for Glue and Hive know no other.
	// Both SerDes and Athena's Parquet reader match it in any case.
	Name string
	// Type is its Hive type.
	Type string
}

// GlueColumns lists the columns of a table that can show any snapshot: every
// property that a list may have, in the table's order, then the manager, then,
// over Parquet, [AdditionalData]. Columns that a snapshot does not have are null.
func GlueColumns(files Files) []GlueColumn {
	var all []GlueColumn
	for _, p := range All() {
		if !p.SingleUserOnly {
			all = append(all, GlueColumn{strings.ToLower(p.Name), p.GlueType(files)})
		}
	}
	all = append(all, GlueColumn{Manager, glueType(directoryObject, files)})
	if files == Parquet {
		all = append(all, GlueColumn{strings.ToLower(AdditionalData), "string"})
	}
	return all
}

// GlueType returns the Hive type of a column for Glue and Athena: that of a
// property, of the [Manager], of an extension or of [AdditionalData].
func GlueType(column string, files Files) (hive string, ok bool) {
	if column == AdditionalData {
		return "string", files == Parquet
	}
	typeName, ok := ColumnType(column)
	if !ok {
		return "", false
	}
	return glueType(typeName, files), true
}

// GlueType returns the property's Hive type for Glue and Athena, such as
// boolean, array<string> or array<struct<skuid:string>>. Names within a struct
// are in lower case, as Hive has them.
//
// A date is a timestamp over Parquet, where it is stored as one. Over NDJSON it
// is a string, the text that Graph sent: the OpenX SerDe makes null of every
// date it cannot read, in silence, and reads dates before 1582 wrongly; Graph
// sends "0001-01-01T00:00:00Z" and "" for "never". from_iso8601_timestamp makes
// a timestamp of the text. Over CSV everything is a string: the OpenCSV SerDe
// knows no null, and fails on an empty number.
func (p Property) GlueType(files Files) string { return glueType(p.Type, files) }

func glueType(typeName string, files Files) string {
	if files == CSV {
		return "string"
	}
	if element, collection := Element(typeName); collection {
		return "array<" + glueType(element, files) + ">"
	}
	if fields, ok := Structure(typeName); ok {
		members := make([]string, len(fields))
		for i, f := range fields {
			members[i] = strings.ToLower(f.Name) + ":" + glueType(f.Type, files)
		}
		return "struct<" + strings.Join(members, ",") + ">"
	}
	switch {
	case typeName == boolean:
		return "boolean"
	case typeName == "Edm.Int32":
		return "int"
	case typeName == instant && files == Parquet:
		return "timestamp"
	default:
		return "string"
	}
}
