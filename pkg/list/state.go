package list

import (
	"errors"
	"slices"
)

// Check says what is wrong with a state that was stored and is to be resumed with r,
// nil if nothing is: a state that was changed must not lead to a list that looks
// complete and is not.
func (s State) Check(r Request) error {
	n := &s.Report
	for _, figure := range []int{n.Users, n.Duplicates, n.Pages, n.Passes, n.Retries, n.Throttled} {
		if figure < 0 {
			return errors.New("it has a figure below zero")
		}
	}
	if s.Progress.Before != nil && *s.Progress.Before < 0 {
		return errors.New("it has a count below zero")
	}
	left := s.Columns
	for _, c := range r.Columns {
		switch {
		case len(left) > 0 && left[0] == c:
			left = left[1:]
		case !c.Optional || !slices.Contains(n.MissingColumns, c.Name):
			return errors.New("its columns are not those that are read")
		}
	}
	if len(left) > 0 {
		return errors.New("its columns are not those that are read")
	}
	return checkPartitions(s.Progress.Partitions)
}

// checkPartitions makes sure that partitions leave nobody out, and that their bounds
// can stand in a filter.
func checkPartitions(all []partition) error {
	lower := ""
	for i, p := range all {
		last := i == len(all)-1
		if p.Lower != lower || (p.Upper == "") != last || p.Upper != "" && !isBound(p.Upper) || p.Barren < 0 {
			return errors.New("its partitions leave somebody out")
		}
		lower = p.Upper
	}
	return nil
}
