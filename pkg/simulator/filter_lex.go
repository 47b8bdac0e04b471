package simulator

import "strings"

// token kinds of a $filter.
type tokenKind int

const (
	tokenEnd tokenKind = iota
	tokenWord
	tokenString
	tokenOpen
	tokenClose
	tokenComma
	tokenBad
)

type filterToken struct {
	kind tokenKind
	text string // a string's content, without quotes
}

// lexFilter takes a $filter apart into words, strings and punctuation.
func lexFilter(s string) []filterToken {
	var tokens []filterToken
	for i := 0; i < len(s); {
		switch c := s[i]; c {
		case ' ', '\t':
			i++
		case '(':
			tokens = append(tokens, filterToken{tokenOpen, "("})
			i++
		case ')':
			tokens = append(tokens, filterToken{tokenClose, ")"})
			i++
		case ',':
			tokens = append(tokens, filterToken{tokenComma, ","})
			i++
		case '\'':
			text, length, ok := lexString(s[i:])
			if !ok {
				return append(tokens, filterToken{tokenBad, s[i:]})
			}
			tokens = append(tokens, filterToken{tokenString, text})
			i += length
		default:
			length := strings.IndexAny(s[i:], " \t(),'")
			if length < 0 {
				length = len(s) - i
			}
			tokens = append(tokens, filterToken{tokenWord, s[i : i+length]})
			i += length
		}
	}
	return tokens
}

// lexString reads a quoted string; a quote inside is written twice.
func lexString(s string) (text string, length int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '\'' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", 0, false
}
