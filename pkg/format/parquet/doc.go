// Package parquet writes users as Apache Parquet files: typed columns, read by
// name. It stands apart from package format because it links a Parquet library
// of several megabytes; only what publishes Parquet may import it.
//
// # Columns
//
// A file has the selected columns in their order and, last, additionalData. Each
// is typed by the property table:
//
//	Edm.String, Edm.Guid       string (BYTE_ARRAY, STRING)
//	Edm.Boolean                boolean
//	Edm.Int32                  int32
//	Edm.DateTimeOffset         timestamp, microseconds, UTC (INT64)
//	Collection(...)            LIST of three levels
//	complex type, manager      group with the members of property.Structure
//	open type, extension       string: text as it is, everything else as JSON
//
// Everything but the id may be null: a user without the member and one where it
// is null are the same, an empty list is not. Columns have no numbers, so that
// readers match them by name and a file of another select reads beside this one
// (union_by_name in DuckDB, mergeSchema in Spark, always in Athena).
//
// # Nothing is lost
//
// Graph may send what a typed column has no place for. Then additionalData holds
// a JSON object with the whole value of that property, as Graph sent it but for
// white space:
//
//   - an object has a member that the property table does not know, for Graph
//     gains members over time (annotations, whose names have an @, do not count);
//   - a date is no date, or is outside the years 1 to 9999: its column is null;
//   - a date has digits below the microsecond: its column is cut off there.
//
// For nearly every user it is null. The empty string as a date is Graph's "no
// value", and just null. A string column takes a value of any other kind as its
// JSON text. Any other kind that does not fit its column is a [KindError]: a
// boolean that has become a string is a change of Graph's contract, which nobody
// should find out from a column of nulls.
//
// # Dates
//
// Microseconds, because they hold every moment that Graph sends: year 1
// ("0001-01-01T00:00:00Z", Graph's "never") is beyond what nanoseconds can
// express, and finer digits are beyond what DuckDB, Spark and Python's datetime
// can. Such digits do occur, seven of them, as .NET prints them; hence the rule
// above. Spark 3 wants spark.sql.parquet.datetimeRebaseModeInRead=CORRECTED for
// years before 1900, from every writer but itself.
//
// # Encoding
//
// Plain and dictionary encoding in version 1 data pages, which every reader
// knows, with the page index. The same users in the same order with the same
// options give the same bytes.
package parquet
