package graph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// fault is a response that is well-formed but not a page of users.
func (p *Page) fault(what string) error {
	return p.broke(errors.New("the response is not a page of users: " + what))
}

// malformed tells a response that ended early or broke from one that is not
// JSON. It never quotes the response, which holds people.
func (p *Page) malformed(d *jsontext.Decoder, err error) error {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		err = errors.New("the response ended early")
	case errors.As(err, &syntax):
		err = fmt.Errorf("the response is not JSON at byte %d", d.InputOffset())
	default:
		err = presentable(err)
	}
	return p.broke(err)
}

func (p *Page) broke(err error) error {
	if cause := context.Cause(p.ctx); cause != nil {
		return cause
	}
	return &Error{
		RequestID:    plain(p.fetch.resp.Header.Get("request-id")),
		Continuation: p.fetch.request.continuation,
		Err:          err,
	}
}

// user checks one element of value. fault says what is wrong with it.
func (p *Page) user(raw []byte) (u User, fault string) {
	switch {
	case raw[0] != '{':
		return User{}, "an element of value is not an object"
	case len(raw) > maxUser:
		return User{}, "a user is larger than 8 MiB"
	}
	if !utf8.Valid(raw) {
		return User{}, "it is not UTF-8"
	}
	if bytes.IndexByte(raw, '\n') >= 0 || bytes.IndexByte(raw, '\r') >= 0 {
		// Only white space between tokens can hold a line end.
		line := jsontext.Value(append(p.pager.scratch[:0], raw...))
		if line.Compact(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)) != nil {
			return User{}, "a user cannot be written on one line"
		}
		raw, p.pager.scratch = line, line
	}
	id := idMember(raw)
	if len(id) < 3 || id[0] != '"' {
		return User{}, "a user has no id"
	}
	id = id[1 : len(id)-1]
	if bytes.IndexByte(id, '\\') >= 0 {
		plain, err := jsontext.AppendUnquote(nil, idMember(raw))
		if err != nil {
			return User{}, "a user's id is not a string"
		}
		id = plain
	}
	return User{ID: id, Raw: raw}, ""
}

// idMember returns the raw value of the top-level member id of object, which is
// valid JSON, or nil. It is a good deal cheaper than decoding the object.
func idMember(object []byte) []byte {
	i := 1
	for i < len(object) {
		i += space(object[i:])
		if object[i] == ',' {
			i++
			continue
		}
		if object[i] != '"' {
			return nil // the closing brace
		}
		end := i + stringLen(object[i:])
		found := string(object[i+1:end-1]) == "id"
		i = end + space(object[end:]) + 1 // the colon
		i += space(object[i:])
		end = i + valueLen(object[i:])
		if found {
			return object[i:end]
		}
		i = end
	}
	return nil
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

func deliveredSet(ids []byte) map[string]bool {
	set := make(map[string]bool)
	for id := range bytes.SplitSeq(ids, []byte{0}) {
		set[string(id)] = true
	}
	return set
}
