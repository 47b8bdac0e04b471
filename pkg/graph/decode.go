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

// decode reads the current response: the members of the page in any order, the
// users as they come, and the body to its very end. Users who are in delivered
// are left out.
func (p *Page) decode(delivered map[string]bool, yield func(User, error) bool) error {
	d := &p.pager.decoder
	// A name that was cut within a surrogate pair must not cost the whole list,
	// so UTF-16 escapes are taken as they are; raw bytes are checked in parseUser.
	d.Reset(p.fetch.resp.Body, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	if err := p.expect(d, '{'); err != nil {
		return err
	}
	users := false
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return p.malformed(d, err)
		}
		switch name.String() {
		case "value":
			if users {
				return p.invalid("it has two value members")
			}
			users = true
			err = p.decodeUsers(d, delivered, yield)
		case "@odata.nextLink":
			err = p.decodeLink(d)
		case "@odata.deltaLink":
			err = p.decodeDeltaLink(d)
		case "@odata.count":
			err = p.decodeCount(d)
		case "error":
			return p.invalid("it is an error with status 200")
		default:
			if err = d.SkipValue(); err != nil {
				err = p.malformed(d, err)
			}
		}
		if err != nil {
			return err
		}
	}
	if err := p.expect(d, '}'); err != nil {
		return err
	}
	if !users {
		return p.invalid("it has no value member")
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		if err == nil {
			return p.invalid("something follows the page")
		}
		return p.malformed(d, err)
	}
	return nil
}

func (p *Page) decodeUsers(d *jsontext.Decoder, delivered map[string]bool, yield func(User, error) bool) error {
	if err := p.expect(d, '['); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		raw, err := d.ReadValue()
		if err != nil {
			return p.malformed(d, err)
		}
		user, fault := p.parseUser(raw)
		if fault != "" {
			return p.invalid(fault)
		}
		if delivered[string(user.ID)] && !p.pager.delta { // a change may come again, newer
			continue
		}
		p.pager.delivered = append(append(p.pager.delivered, user.ID...), 0)
		if !yield(user, nil) {
			return errStopped
		}
	}
	return p.expect(d, ']')
}

func (p *Page) decodeLink(d *jsontext.Decoder) error {
	link, err := p.readLink(d, "nextLink")
	if err != nil || link == "" {
		return err
	}
	if p.link != "" {
		return p.invalid("it has two nextLinks")
	}
	p.setLink(link)
	return nil
}

func (p *Page) decodeDeltaLink(d *jsontext.Decoder) error {
	link, err := p.readLink(d, "deltaLink")
	if err == nil {
		p.deltaLink = link
	}
	return err
}

// readLink reads the value of a link's member, "" for null.
func (p *Page) readLink(d *jsontext.Decoder, name string) (string, error) {
	token, err := d.ReadToken()
	switch {
	case err != nil:
		return "", p.malformed(d, err)
	case token.Kind() == 'n':
		return "", nil
	case token.Kind() != '"' || token.String() == "":
		return "", p.invalid("its " + name + " is not a link")
	}
	return token.String(), nil
}

func (p *Page) decodeCount(d *jsontext.Decoder) error {
	token, err := d.ReadToken()
	if err != nil {
		return p.malformed(d, err)
	}
	if n, err := token.Int(); token.Kind() == '0' && err == nil {
		p.count, p.hasCount = int(n), true
	}
	return nil
}

func (p *Page) expect(d *jsontext.Decoder, kind jsontext.Kind) error {
	token, err := d.ReadToken()
	if err != nil {
		return p.malformed(d, err)
	}
	if token.Kind() != kind {
		return p.invalid("it is not a page of users")
	}
	return nil
}

// invalid is the error of a response that is well-formed but not a page of users.
func (p *Page) invalid(what string) error {
	return p.unusable(errors.New("the response is not a page of users: " + what))
}

// malformed is the error of a response that ended early, broke, or is not JSON.
// It never quotes the response, which contains people.
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
	return p.unusable(err)
}

func (p *Page) unusable(err error) error {
	if cause := context.Cause(p.ctx); cause != nil {
		return cause
	}
	return p.fetch.call.unusable(p.fetch.resp, err)
}

// parseUser checks one element of value. fault says what is wrong with it.
func (p *Page) parseUser(raw []byte) (u User, fault string) {
	switch {
	case raw[0] != '{':
		return User{}, "an element of value is not an object"
	case len(raw) > maxBody:
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

func idMember(object []byte) []byte { return member(object, "id") }

// member returns the raw value of a top-level member of object, which is valid JSON,
// or nil. It is a good deal cheaper than decoding the object.
func member(object []byte, name string) []byte {
	if object[0] != '{' {
		return nil
	}
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
		found := string(object[i+1:end-1]) == name
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
