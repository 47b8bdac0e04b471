package odata

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Search is a parsed $search: clauses of the form "property:text", joined by AND
// and OR.
type Search struct{ parts []searchPart }

// searchPart is a clause, or one of AND, OR and the parentheses.
type searchPart struct{ mark, property, text string }

// ParseSearch parses a $search. A clause without a property is refused: Graph
// would choose the properties to search. The error is an [*Error].
func ParseSearch(expression string) (*Search, error) {
	fail := func(at int, what string) (*Search, error) {
		return nil, &Error{Option: "$search", Offset: at, Text: what}
	}
	if len(expression) > maxLength {
		return fail(0, fmt.Sprintf("it is longer than %d characters", maxLength))
	}
	var s Search
	wantClause, open := true, 0
	for i := 0; i < len(expression); {
		rest := expression[i:]
		switch {
		case rest[0] == ' ':
			i++
		case wantClause && rest[0] == '(':
			s.parts = append(s.parts, searchPart{mark: "("})
			open++
			i++
		case !wantClause && rest[0] == ')' && open > 0:
			s.parts = append(s.parts, searchPart{mark: ")"})
			open--
			i++
		case wantClause && rest[0] == '"':
			end := closingQuote(rest)
			if end < 0 {
				return fail(i, "the clause that starts here is not terminated")
			}
			property, text, ok := strings.Cut(rest[1:end], ":")
			if !ok || !isName(property) || text == "" || !utf8.ValidString(text) || strings.ContainsFunc(text, isControl) {
				return fail(i, `a clause is written "property:text"`)
			}
			s.parts = append(s.parts, searchPart{property: property, text: text})
			wantClause = false
			i += end + 1
		case !wantClause && (strings.HasPrefix(rest, "AND ") || strings.HasPrefix(rest, "OR ")):
			op, _, _ := strings.Cut(rest, " ")
			s.parts = append(s.parts, searchPart{mark: op})
			wantClause = true
			i += len(op)
		default:
			return fail(i, `clauses are written "property:text" and joined by AND or OR`)
		}
	}
	if wantClause || open > 0 {
		return fail(len(expression), "it ends too early")
	}
	return &s, nil
}

// closingQuote returns where the clause at the start of s ends, or -1; a quote or
// a backslash within it is escaped by a backslash.
func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// Properties returns the properties that are searched.
func (s *Search) Properties() []string {
	var names []string
	for _, p := range s.parts {
		if p.property != "" {
			names = append(names, p.property)
		}
	}
	return names
}

// Rename replaces the name of every property by the one that rename returns.
func (s *Search) Rename(rename func(name string) string) {
	for i := range s.parts {
		if s.parts[i].property != "" {
			s.parts[i].property = rename(s.parts[i].property)
		}
	}
}

// String writes the search in its canonical spelling.
func (s *Search) String() string {
	var b strings.Builder
	for i, p := range s.parts {
		if i > 0 && p.mark != ")" && s.parts[i-1].mark != "(" {
			b.WriteByte(' ')
		}
		if p.property == "" {
			b.WriteString(p.mark)
		} else {
			b.WriteString(`"` + p.property + ":" + p.text + `"`)
		}
	}
	return b.String()
}
