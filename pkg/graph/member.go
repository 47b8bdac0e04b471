package graph

import (
	"bytes"
	"fmt"
	"iter"

	"github.com/go-json-experiment/json/jsontext"
)

// userID returns the id of a user's JSON object, unescaped. A second id is a fault:
// other readers of the object would take that one.
func userID(object []byte) (id []byte, fault string) {
	quoted, rest := idMember(object)
	switch {
	case len(quoted) < 3 || quoted[0] != '"':
		return nil, "a user has no id"
	case len(quoted) > maxID:
		return nil, fmt.Sprintf("a user's id is longer than %d bytes", maxID)
	}
	if mentionsID(rest) { // perhaps a manager's
		if second, _ := find(rest, "id"); second != nil {
			return nil, "a user has two ids"
		}
	}
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1], ""
	}
	id, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil || len(id) == 0 {
		return nil, "a user's id is not a string"
	}
	return id, ""
}

// mentionsID reports whether "id" stands anywhere in b, as a name or a text. It runs for
// every user: bytes.Contains would stop at every quotation mark.
func mentionsID(b []byte) bool {
	for i := 2; i < len(b)-1; i++ {
		next := bytes.IndexByte(b[i:len(b)-1], 'd')
		if next < 0 {
			return false
		}
		if i += next; b[i+1] == '"' && b[i-1] == 'i' && b[i-2] == '"' {
			return true
		}
	}
	return false
}

// Members yields the names, as they are written, and the values of a user's JSON object
// ([User.Raw]).
func Members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		rest := object[1:]
		for {
			var name, value []byte
			if name, value, rest = nextMember(rest); value == nil || !yield(name, value) {
				return
			}
		}
	}
}

func idMember(object []byte) (value, rest []byte) { return find(object[1:], "id") }

// member returns the raw value of a top-level member of an object, which is valid
// JSON, or nil. It is a good deal cheaper than decoding the object.
func member(object []byte, name string) []byte {
	if object[0] != '{' {
		return nil
	}
	value, _ := find(object[1:], name)
	return value
}

// find returns the value of the first member called name, nil if there is none, and
// the members behind it. members are those of an object, up to its closing brace.
func find(members []byte, name string) (value, rest []byte) {
	for {
		var found []byte
		if found, value, members = nextMember(members); value == nil || string(found) == name {
			return value, members
		}
	}
}

// nextMember takes the first member off those of an object, up to its closing brace. The
// value is nil if there is none left.
func nextMember(members []byte) (name, value, rest []byte) {
	i := space(members)
	if i < len(members) && members[i] == ',' {
		i++
		i += space(members[i:])
	}
	if i >= len(members) || members[i] != '"' {
		return nil, nil, nil // the closing brace
	}
	end := i + stringLen(members[i:])
	name = members[i+1 : end-1]
	i = end + space(members[end:]) + 1 // the colon
	i += space(members[i:])
	end = i + valueLen(members[i:])
	return name, members[i:end], members[end:]
}

func space(b []byte) int {
	for i, c := range b {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return i
		}
	}
	return len(b)
}

// stringLen returns the length of the JSON string at the start of b.
func stringLen(b []byte) int {
	for i := 1; ; i++ {
		i += bytes.IndexByte(b[i:], '"')
		back := i
		for b[back-1] == '\\' {
			back--
		}
		if (i-back)%2 == 0 {
			return i + 1
		}
	}
}

// valueLen returns the length of the JSON value at the start of b.
func valueLen(b []byte) int {
	switch b[0] {
	case '"':
		return stringLen(b)
	case '{', '[':
		depth := 0
		for i := 0; ; i++ {
			switch b[i] {
			case '"':
				i += stringLen(b[i:]) - 1
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return i + 1
				}
			}
		}
	}
	for i, c := range b {
		switch c {
		case ',', '}', ']', ' ', '\t', '\n', '\r':
			return i
		}
	}
	return len(b)
}
