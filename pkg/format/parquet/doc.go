// Package parquet writes users as Apache Parquet files with typed columns. It is
// separate from package format because it links a Parquet library of several
// megabytes; only publishers of Parquet may import it.
//
// # Columns
//
// A file has the selected columns in their order and, last, additionalData. Their
// types come from the property table:
//
//	Edm.String, Edm.Guid       string (BYTE_ARRAY, STRING)
//	Edm.Boolean                boolean
//	Edm.Int32                  int32
//	Edm.DateTimeOffset         timestamp, microseconds, UTC (INT64)
//	Collection(...)            LIST of three levels
//	complex type, manager      group with the members of property.Structure
//	open type, extension       string: text as it is, everything else as JSON
//
// Everything but the id may be null. A missing member and null are the same, an
// empty list is different. Columns have no field ids, so readers match them by name,
// and files of different selects can be read together (union_by_name in DuckDB,
// mergeSchema in Spark, always in Athena).
//
// # Nothing is lost
//
// If a value does not fit its typed column, additionalData is a JSON object with
// the whole value of that property, as Graph sent it except for white space:
//
//   - an object has a member that the property table does not know, since Graph
//     gains members over time (annotations, whose names contain @, do not count);
//   - a date cannot be parsed or is outside the years 1 to 9999: its column is null;
//   - a date has digits below the microsecond: its column is truncated.
//
// For nearly every user additionalData is null. The empty string as a date is
// Graph's "no value", and simply null. A string column stores a value of any other
// kind as JSON text. Any other mismatch is a [KindError]: if a boolean has become a
// string, Graph's contract has changed, and nobody should find that out from a
// column of nulls.
//
// # Dates
//
// Microseconds can represent every date that Graph sends: year 1
// ("0001-01-01T00:00:00Z", Graph's "never") is outside the range of nanoseconds, and
// finer digits are beyond DuckDB, Spark and Python's datetime. Seven digits do
// occur, as .NET prints them; hence the rule above. Spark 3 needs
// spark.sql.parquet.datetimeRebaseModeInRead=CORRECTED for years before 1900, from
// every writer but itself.
//
// # Encoding
//
// Plain and dictionary encoding in version 1 data pages, which every reader
// supports, with the page index. The same users in the same order with the same
// options produce the same bytes.
package parquet
