package roll

import "strings"

// span is a range of the list: the users whose userPrincipalName lies between
// Lower and Upper, both included, or all from one of them on where the other is
// empty. Spans of a pass overlap at their bounds and leave nothing out, whatever
// the order in which Graph compares names; who is met twice is delivered once.
type span struct {
	Lower string `json:"lower,omitempty"`
	Upper string `json:"upper,omitempty"`
	// Link leads to the next page, "" before the first one.
	Link string `json:"link,omitempty"`
	Done bool   `json:"done,omitempty"`
	// Barren is how many pages in a row brought nobody new.
	Barren int `json:"barren,omitempty"`
}

// within returns the $filter of the span's users among those of filter.
// userPrincipalName is never null and unique, and ge and le are its only
// documented comparisons.
func (s *span) within(filter string) string {
	var terms []string
	if filter != "" {
		terms = append(terms, filter)
	}
	if s.Lower != "" {
		terms = append(terms, "userPrincipalName ge '"+s.Lower+"'")
	}
	if s.Upper != "" {
		terms = append(terms, "userPrincipalName le '"+s.Upper+"'")
	}
	if filter != "" && len(terms) > 1 {
		terms[0] = "(" + filter + ")"
	}
	return strings.Join(terms, " and ")
}
