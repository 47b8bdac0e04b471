package graph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// decode reads the current response: the members of the page in any order, the
// users as they come, and the body to its very end. Users who are in delivered
// are left out. The kind of each member is looked at before its value is taken.
func (p *Page) decode(delivered map[string]bool, yield func(User, error) bool) error {
	d := &p.pager.decoder
	p.pager.limit = limited{body: p.fetch.resp.Body}
	// A name that was cut within a surrogate pair must not cost the whole list,
	// so UTF-16 escapes are taken as they are; raw bytes are checked in parseUser.
	d.Reset(&p.pager.limit, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	p.allow("the start of the page", maxMember)
	if err := p.expect(d, '{'); err != nil {
		return err
	}
	users := false
	for n := 0; p.peek("the name of a member", maxMember) != '}'; n++ {
		token, err := d.ReadToken()
		if err != nil {
			return p.malformed(d, err)
		}
		if n == maxMembers {
			return p.invalid(fmt.Sprintf("it has more than %d members", maxMembers))
		}
		switch name := token.String(); name {
		case "value":
			if users {
				return p.invalid("it has two value members")
			}
			users = true
			err = p.decodeUsers(d, delivered, yield)
		case "@odata.nextLink", "@odata.deltaLink":
			err = p.decodeLink(d, name)
		case "@odata.count":
			err = p.decodeCount(d)
		case "error":
			return p.invalid("it is an error with status 200")
		default:
			p.allow("a member other than the users and the link", maxMember)
			if err = d.SkipValue(); err != nil {
				err = p.malformed(d, err)
			}
		}
		if err != nil {
			return err
		}
	}
	p.allow("the end of the page", maxMember)
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
	p.allow("the list of users", maxMember)
	if err := p.expect(d, '['); err != nil {
		return err
	}
	for n := 0; p.peek("a user", maxUser) != ']'; n++ {
		raw, err := d.ReadValue()
		if err != nil {
			return p.malformed(d, err)
		}
		if n == maxPage {
			return p.invalid(fmt.Sprintf("it has more than %d users", maxPage))
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

// decodeLink reads a nextLink or deltaLink; null is none.
func (p *Page) decodeLink(d *jsontext.Decoder, member string) error {
	name := strings.TrimPrefix(member, "@odata.")
	p.allow("the "+name, maxMember)
	token, err := d.ReadToken()
	switch {
	case err != nil:
		return p.malformed(d, err)
	case token.Kind() == 'n':
		return nil
	case token.Kind() != '"' || token.String() == "":
		return p.invalid("its " + name + " is not a link")
	case name == "nextLink" && p.link != "", name == "deltaLink" && p.deltaLink != "":
		return p.invalid("it has two " + name + "s")
	case name == "deltaLink":
		p.deltaLink = token.String()
	default:
		p.setLink(token.String())
	}
	return nil
}

func (p *Page) decodeCount(d *jsontext.Decoder) error {
	p.allow("the count", maxMember)
	token, err := d.ReadToken()
	if err != nil {
		return p.malformed(d, err)
	}
	if token.Kind() != '0' {
		return p.invalid("its count is not a number")
	}
	digits := token.String()
	n, err := strconv.Atoi(digits)
	if err != nil || digits[0] == '-' || p.hasCount && n != p.count {
		return p.invalid("its count is not one number of users")
	}
	p.count, p.hasCount = n, true
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

// peek allows what comes next and returns its kind.
func (p *Page) peek(what string, limit int) jsontext.Kind {
	p.allow(what, limit)
	return p.pager.decoder.PeekKind()
}

// allow lets the decoder read what comes next, up to a size.
func (p *Page) allow(what string, limit int) {
	p.pager.limit.allow(what, limit, len(p.pager.decoder.UnreadBuffer()))
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
	case p.pager.limit.err != nil:
		err = presentable(p.pager.limit.err)
	case d.InputOffset() == 0 && beginsAsHTML(d.UnreadBuffer()):
		err = &htmlError{p.pager.client.base.Host}
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
	if raw[0] != '{' {
		return User{}, "an element of value is not an object"
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
	id, fault := userID(raw) // before it is mended: ids are never replaced
	if bytes.Contains(raw, []byte(`\u`)) {
		raw = append(p.pager.scratch[:0], raw...)
		p.pager.scratch = raw
		replaceLone(raw)
	}
	return User{ID: id, Raw: raw}, fault
}
