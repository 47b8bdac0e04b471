package config

import (
	"strconv"
	"strings"
)

const (
	maxPageSize     = 999
	defaultPageSize = maxPageSize
	defaultShare    = 0.0005
	defaultLeavers  = 0.01
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

// Slack is how much may be amiss: a share of the users, or a number of them.
type Slack struct {
	// Share is a fraction of the users, 0.0005 for 0.05%.
	Share float64
	// Users is a number of users, used where Share is 0.
	Users int
}

// String returns the slack as it is written.
func (s Slack) String() string {
	if s.Share > 0 {
		return strconv.FormatFloat(s.Share*100, 'g', 6, 64) + "%"
	}
	return strconv.Itoa(s.Users)
}

// UnmarshalText reads a percentage such as 0.05% or a whole number of users.
func (s *Slack) UnmarshalText(text []byte) error {
	wrong := &complaint{"is neither a percentage nor a number of users", "write for instance 0.05% or 20"}
	share, isShare := strings.CutSuffix(string(text), "%")
	share = strings.TrimSpace(share)
	if share == "" || strings.Trim(share, "0123456789.") != "" {
		return wrong
	}
	if !isShare {
		n, err := strconv.Atoi(share)
		if err != nil {
			return wrong
		}
		*s = Slack{Users: n}
		return nil
	}
	percent, err := strconv.ParseFloat(share, 64)
	if err != nil || percent > 100 {
		return wrong
	}
	*s = Slack{Share: percent / 100}
	return nil
}
