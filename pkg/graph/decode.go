package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// decode reads the current response: the members of the page in any order, the
// users as they come, and the body to its very end. Users who are in delivered
// are left out. The kind of each member is looked at before its value is taken.
func (p *Page) decode(delivered map[string]bool, yield func(User, error) bool) error {
	s := &p.pager.scanner
	s.reset(p.fetch.resp.Body)
	if err := p.begin('{', "the start of the page"); err != nil {
		return err
	}
	more, err := p.first('}', "the name of a member", maxMember)
	users := false
	for n := 0; more && err == nil; n++ {
		if n == maxMembers {
			return p.invalid(fmt.Sprintf("it has more than %d members", maxMembers))
		}
		if err = p.decodeMember(&users, delivered, yield); err == nil {
			more, err = p.another('}', "the name of a member", maxMember)
		}
	}
	if err != nil {
		return err
	}
	if !users {
		return p.invalid("it has no value member")
	}
	switch _, err := s.next("the end of the page", maxMember); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		return p.malformed(err)
	}
	return p.invalid("something follows the page")
}

// decodeMember reads a member of the page, which begins with its name. users says whether
// the users have come.
func (p *Page) decodeMember(users *bool, delivered map[string]bool, yield func(User, error) bool) error {
	s := &p.pager.scanner
	if s.b[0] != '"' {
		return p.malformed(s.bad(0))
	}
	end, err := s.text(0)
	if err != nil {
		return p.malformed(err)
	}
	unquoted, _ := jsontext.AppendUnquote(nil, s.b[:end]) // the error is about surrogates
	name := string(unquoted)
	s.take(end)
	if c, err := s.next("the name of a member", maxMember); err != nil {
		return p.malformed(err)
	} else if c != ':' {
		return p.malformed(s.bad(0))
	}
	s.take(1)
	switch name {
	case "value":
		if *users {
			return p.invalid("it has two value members")
		}
		*users = true
		return p.decodeUsers(delivered, yield)
	case "@odata.nextLink", "@odata.deltaLink":
		return p.decodeLink(name)
	case "@odata.count":
		return p.decodeCount()
	case "error":
		return p.invalid("it is an error with status 200")
	}
	_, err = p.value("a member other than the users and the link", "", "")
	return err
}

func (p *Page) decodeUsers(delivered map[string]bool, yield func(User, error) bool) error {
	s := &p.pager.scanner
	if err := p.begin('[', "the list of users"); err != nil {
		return err
	}
	more, err := p.first(']', "a user", maxUser)
	for n := 0; more && err == nil; n++ {
		if n == maxPage {
			return p.invalid(fmt.Sprintf("it has more than %d users", maxPage))
		}
		user, end, err := s.readUser()
		if err != nil {
			return p.malformed(err)
		}
		if p.pager.delta || !delivered[string(user.ID)] { // a change may come again, newer
			p.pager.delivered = append(append(p.pager.delivered, user.ID...), 0)
			if !yield(user, nil) {
				return errStopped
			}
		}
		s.take(end)
		if more, err = p.another(']', "a user", maxUser); err != nil {
			return err
		}
	}
	return err
}

// decodeLink reads a nextLink or deltaLink; null is none.
func (p *Page) decodeLink(member string) error {
	name := strings.TrimPrefix(member, "@odata.")
	notLink := "its " + name + " is not a link"
	value, err := p.value("the "+name, notLink, `"n`)
	if err != nil || value[0] == 'n' {
		return err
	}
	switch link, err := jsontext.AppendUnquote(nil, value); {
	case err != nil || len(link) == 0:
		return p.invalid(notLink)
	case name == "nextLink" && p.link != "", name == "deltaLink" && p.deltaLink != "":
		return p.invalid("it has two " + name + "s")
	case name == "deltaLink":
		p.deltaLink = string(link)
	default:
		p.setLink(string(link))
	}
	return nil
}

func (p *Page) decodeCount() error {
	value, err := p.value("the count", "its count is not a number", "-0123456789")
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(value))
	if err != nil || value[0] == '-' || p.hasCount && n != p.count {
		return p.invalid("its count is not one number of users")
	}
	p.count, p.hasCount = n, true
	return nil
}

// begin passes the bracket with which an object or a list begins.
func (p *Page) begin(bracket byte, what string) error {
	s := &p.pager.scanner
	c, err := s.next(what, maxMember)
	switch {
	case err != nil:
		return p.malformed(err)
	case c != bracket:
		if _, err := s.value(0, 0, nil); err != nil {
			if bracket == '{' && beginsAsHTML(s.b) {
				err = &htmlError{p.pager.client.base.Host}
			}
			return p.malformed(err)
		}
		return p.invalid("it is not a page of users")
	}
	s.take(1)
	return nil
}

// first goes to the first element of an object or a list, if there is one.
func (p *Page) first(bracket byte, what string, limit int) (more bool, err error) {
	s := &p.pager.scanner
	c, err := s.next(what, limit)
	if err != nil {
		return false, p.malformed(err)
	}
	if c == bracket {
		s.take(1)
	}
	return c != bracket, nil
}

// another goes to the element behind the present one, if there is one.
func (p *Page) another(bracket byte, what string, limit int) (more bool, err error) {
	s := &p.pager.scanner
	if more, err = p.first(bracket, what, limit); err != nil || !more {
		return false, err
	}
	if s.b[0] != ',' {
		return false, p.malformed(s.bad(0))
	}
	s.take(1)
	if _, err = s.next(what, limit); err != nil {
		return false, p.malformed(err)
	}
	return true, nil
}

// value reads the value of a member, which begins with one of the bytes in first, any if
// there are none; otherwise is what is wrong with another. It is valid until more is read.
func (p *Page) value(what, otherwise, first string) ([]byte, error) {
	s := &p.pager.scanner
	c, err := s.next(what, maxMember)
	if err != nil {
		return nil, p.malformed(err)
	}
	if first != "" && strings.IndexByte(first, c) < 0 {
		return nil, p.invalid(otherwise)
	}
	end, err := s.value(0, 0, nil)
	if err != nil {
		return nil, p.malformed(err)
	}
	value := s.b[:end]
	s.take(end)
	return value, nil
}

// invalid is the error of a response that is well-formed but not a page of users.
func (p *Page) invalid(what string) error {
	return p.unusable(errors.New("the response is not a page of users: " + what))
}

// malformed is the error of a response that ended early, broke, is not JSON, or has a
// value that is not taken. It never quotes the response, which contains people.
func (p *Page) malformed(err error) error {
	var (
		syntax *syntaxError
		html   *htmlError
		what   fault
	)
	switch {
	case errors.As(err, &what):
		return p.invalid(string(what))
	case errors.As(err, &syntax), errors.As(err, &html):
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		err = errors.New("the response ended early")
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
