// Package parquet reads files of package format/parquet with pyarrow and with
// DuckDB, and compares every value with the NDJSON of the same users. It has no
// code of its own.
package parquet
