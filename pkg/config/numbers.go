package config

import (
	"strconv"
	"strings"
)

const (
	maxPageSize     = 999
	defaultPageSize = maxPageSize
	defaultShare    = 0.0005
	maxParallel     = 32
)

// pageSize is $top. Graph returns at most 999 users a page.
type pageSize int

// UnmarshalText reads a whole number from 1 to 999.
func (p *pageSize) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > maxPageSize {
		return &complaint{"is not a page size", "write a whole number from 1 to 999"}
	}
	*p = pageSize(n)
	return nil
}

// parallel is how many ranges are read side by side. Beyond 32 Graph's quota, not
// its latency, is what a list waits for.
type parallel int

// UnmarshalText reads a whole number from 1 to 32.
func (p *parallel) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > maxParallel {
		return &complaint{"is not a number of ranges", "write a whole number from 1 to 32"}
	}
	*p = parallel(n)
	return nil
}

// flag is true or false.
type flag bool

// UnmarshalText reads true, false and their usual short forms.
func (f *flag) UnmarshalText(text []byte) error {
	v, err := strconv.ParseBool(strings.ToLower(string(text)))
	if err != nil {
		return &complaint{"is neither true nor false", "write true or false"}
	}
	*f = flag(v)
	return nil
}
