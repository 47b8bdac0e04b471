package graph

import (
	"slices"
	"strings"
)

// selection is what a query asks for of each object: the members and, of those that are
// expanded, what of them. A nil selection is everything.
type selection struct {
	members map[string]*selection // by [fold] of the name
	delta   bool                  // the objects are entries of a delta query
}

// selection returns what the query leaves of each user.
func (q Query) selection() *selection {
	if len(q.Select) == 0 {
		return nil
	}
	s := newSelection(q.Select)
	for name, nested := range expanded(q.Expand) {
		s.members[fold(name)] = nested
	}
	return s
}

func newSelection(names []string) *selection {
	if slices.Contains(names, "*") {
		return nil
	}
	s := &selection{members: map[string]*selection{"id": nil}}
	for _, name := range names {
		name, _, _ = strings.Cut(strings.TrimSpace(name), "/") // a part comes within the whole
		s.members[fold(name)] = nil
	}
	return s
}

// expanded returns what an $expand asks for: the names, and their own $select. Where that
// is not understood, everything stays.
func expanded(expand string) map[string]*selection {
	all := map[string]*selection{}
	for _, item := range splitTop(expand, ',') {
		name, options, _ := strings.Cut(item, "(")
		var nested *selection
		for _, option := range splitTop(strings.TrimSuffix(options, ")"), ';') {
			if names, ok := strings.CutPrefix(strings.TrimSpace(option), "$select="); ok {
				nested = newSelection(strings.Split(names, ","))
			}
		}
		all[strings.TrimSpace(name)] = nested
	}
	return all
}

// splitTop splits at separators that are in no brackets.
func splitTop(s string, separator rune) []string {
	depth := 0
	return strings.FieldsFunc(s, func(r rune) bool {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		return r == separator && depth == 0
	})
}

// member reports whether a member stays, and what of it. Annotations stay that OData
// itself sends with an object or with a column, and those that make up a delta query.
func (s *selection) member(name string) (inner *selection, keep bool) {
	if s == nil {
		return nil, true
	}
	column, annotation, annotated := strings.Cut(name, "@")
	if !annotated {
		inner, keep = s.members[fold(name)]
		return inner, keep
	}
	switch {
	case column != "" && !s.names(fold(column)):
		return nil, false
	case strings.HasPrefix(annotation, "odata."):
		return nil, true
	}
	return nil, s.delta && (column == "" && annotation == "removed" || column != "" && annotation == "delta")
}

// names reports whether the query names the member, whose name is folded.
func (s *selection) names(folded string) bool {
	if s == nil {
		return false
	}
	_, ok := s.members[folded]
	return ok
}
