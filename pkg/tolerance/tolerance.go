// Package tolerance is the one way in which this program is told how many users
// something may be amiss by: a share of them, or a number.
package tolerance

import (
	"errors"
	"strconv"
	"strings"
)

// Tolerance is a share of the users, or a number of them.
type Tolerance struct {
	// Share is a fraction of the users: 0.0005 means 0.05 %.
	Share float64
	// Users is a number of users, used where Share is 0.
	Users int
}

// Of returns how many of n users the tolerance is, rounded down.
func (t Tolerance) Of(n int) int {
	if t.Share > 0 {
		// 0.05 % of 2,000 is 1, not the 0 that 0.9999 would make.
		return int(t.Share*float64(n) + 1e-9)
	}
	return t.Users
}

// String returns the tolerance as it is written: 0.05% or 20.
func (t Tolerance) String() string {
	if t.Share > 0 {
		return strconv.FormatFloat(t.Share*100, 'g', 6, 64) + "%"
	}
	return strconv.Itoa(t.Users)
}

// UnmarshalText reads a percentage such as 0.05% or a whole number of users.
func (t *Tolerance) UnmarshalText(text []byte) error {
	wrong := errors.New("is neither a percentage nor a number of users; write for instance 0.05% or 20")
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
		*t = Tolerance{Users: n}
		return nil
	}
	percent, err := strconv.ParseFloat(share, 64)
	if err != nil || percent > 100 {
		return wrong
	}
	*t = Tolerance{Share: percent / 100}
	return nil
}
