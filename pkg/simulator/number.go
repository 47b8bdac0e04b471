package simulator

import "math"

// An index is unsigned and a position in a list is not; these conversions stop
// at the end of their range.

func signed(n uint64) int64 {
	if n > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(n)
}

func unsigned(n int64) uint64 {
	if n < 0 {
		return 0
	}
	return uint64(n)
}

func count(n uint64) int {
	if n > math.MaxInt {
		return math.MaxInt
	}
	return int(n)
}
