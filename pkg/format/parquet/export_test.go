package parquet

// ParseTimestamp is shown to the tests.
func ParseTimestamp(text []byte) (micros int64, exact, ok bool) { return parseTimestamp(text) }
