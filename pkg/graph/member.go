package graph

import (
	"bytes"
	"iter"
)

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

// Member returns the raw value of the first member of that name of an object, or nil. It takes
// any valid JSON that does not begin with white space.
func Member(object []byte, wanted string) []byte {
	if object[0] == '{' {
		for name, value := range Members(object) {
			if string(name) == wanted {
				return value
			}
		}
	}
	return nil
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
