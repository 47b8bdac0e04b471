package query

import (
	"slices"
	"strings"
	"unicode"

	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
)

// searchExpr is a parsed $search: alternatives of terms that must all match.
type searchExpr [][]searchTerm

type searchTerm struct {
	name string
	emit people.Emitter
	text string // in lower case
}

// parseSearch reads "property:text" clauses in double quotes, joined by AND and
// OR, where AND binds tighter.
func parseSearch(s string) (searchExpr, *grapherror.Error) {
	malformed := grapherror.BadRequest("Syntax error: the $search clause must be in double quotes, in the form \"property:value\".")
	expr := searchExpr{nil}
	for want := true; ; want = !want {
		s = strings.TrimSpace(s)
		switch {
		case s == "" && !want:
			return expr, nil
		case want:
			if len(s) < 2 || s[0] != '"' {
				return nil, malformed
			}
			clause, rest, ok := strings.Cut(s[1:], `"`)
			name, text, colon := strings.Cut(clause, ":")
			emit := people.EmitterOf(name)
			if !ok || !colon || emit == nil || text == "" {
				return nil, malformed
			}
			last := len(expr) - 1
			expr[last] = append(expr[last], searchTerm{name, emit, strings.ToLower(text)})
			s = rest
		case strings.HasPrefix(s, "AND "):
			s = s[4:]
		case strings.HasPrefix(s, "OR "):
			expr = append(expr, nil)
			s = s[3:]
		default:
			return nil, malformed
		}
	}
}

// match says whether the search finds the user.
func (x searchExpr) match(u *people.Person) bool {
	return len(x) == 0 || slices.ContainsFunc(x, func(terms []searchTerm) bool {
		return !slices.ContainsFunc(terms, func(term searchTerm) bool { return !term.match(u) })
	})
}

// match says whether the term finds the user. A display name is searched by its
// words, every other property by its start.
func (term searchTerm) match(u *people.Person) bool {
	raw := term.emit(u, nil)
	if len(raw) < 2 || raw[0] != '"' {
		return false
	}
	value := string(people.Fold(nil, raw))
	if strings.HasPrefix(value, term.text) {
		return true
	}
	words := strings.FieldsFunc(value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	return term.name == "displayName" && slices.ContainsFunc(words, func(word string) bool { return strings.HasPrefix(word, term.text) })
}
