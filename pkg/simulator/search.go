package simulator

import (
	"strings"
	"unicode"
)

// searchExpr is a parsed $search: alternatives of terms that must all match.
type searchExpr [][]searchTerm

type searchTerm struct {
	name string
	emit emitter
	text string // folded
}

// parseSearch reads "property:text" clauses in double quotes, joined by AND and
// OR, where AND binds tighter.
func parseSearch(s string) (searchExpr, *graphError) {
	bad := badRequest("Syntax error: the $search clause must be in double quotes, in the form \"property:value\".")
	expr := searchExpr{nil}
	for want := true; ; want = !want {
		s = strings.TrimSpace(s)
		switch {
		case s == "" && !want:
			return expr, nil
		case want:
			if len(s) < 2 || s[0] != '"' {
				return nil, bad
			}
			clause, rest, ok := strings.Cut(s[1:], `"`)
			name, text, colon := strings.Cut(clause, ":")
			emit := emitterOf(name)
			if !ok || !colon || emit == nil || text == "" {
				return nil, bad
			}
			last := len(expr) - 1
			expr[last] = append(expr[last], searchTerm{name, emit, foldKey(text)})
			s = rest
		case strings.HasPrefix(s, "AND "):
			s = s[4:]
		case strings.HasPrefix(s, "OR "):
			expr = append(expr, nil)
			s = s[3:]
		default:
			return nil, bad
		}
	}
}

// match says whether the user is found. A display name is searched by its
// words, every other property by its start.
func (x searchExpr) match(u *person) bool {
	if len(x) == 0 {
		return true
	}
	for _, terms := range x {
		found := true
		for _, term := range terms {
			raw := term.emit(nil, u)
			if len(raw) < 2 || raw[0] != '"' {
				found = false
				break
			}
			found = found && term.in(foldKey(unescape(string(raw[1:len(raw)-1]))))
		}
		if found {
			return true
		}
	}
	return false
}

func (term searchTerm) in(value string) bool {
	if strings.HasPrefix(value, term.text) {
		return true
	}
	if term.name != "displayName" {
		return false
	}
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		if strings.HasPrefix(word, term.text) {
			return true
		}
	}
	return false
}

// parseOrder reads an $orderby by one property.
func parseOrder(s string) (order, *graphError) {
	words := strings.Fields(s)
	desc := len(words) == 2 && words[1] == "desc"
	if len(words) == 0 || len(words) > 2 || len(words) == 2 && !desc && words[1] != "asc" {
		return orderNone, badRequest("Syntax error in the $orderby clause.")
	}
	switch {
	case words[0] == "userPrincipalName" && desc:
		return orderUPNDesc, nil
	case words[0] == "userPrincipalName":
		return orderUPN, nil
	case words[0] == "displayName" && desc:
		return orderNameDesc, nil
	case words[0] == "displayName":
		return orderName, nil
	}
	return orderNone, unsupported("Sorting not supported for current query.")
}
