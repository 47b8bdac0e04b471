package graph

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/go-json-experiment/json/jsontext"
)

// Page is one page of a list while it arrives.
type Page struct {
	// Number is the page's place in the list, from 1.
	Number int
	// Reread is true when the page was read before: after a lost page token the
	// pager goes back some pages, and this page's users have been delivered.
	Reread bool

	pager *Pager
	ctx   context.Context
	fetch *fetch
	next  *fetch // the next page, asked for ahead
	state pageState

	link     string
	count    int
	hasCount bool
}

type pageState int

const (
	unread pageState = iota
	reading
	whole     // read to the end of its body
	abandoned // its reader stopped
	broken    // its error was delivered
)

// Link is the nextLink as Graph sent it, "" on the last page. It is known once
// Users has come to its end.
func (p *Page) Link() string {
	if p.state != whole {
		return ""
	}
	return p.link
}

// Count is @odata.count, where Graph sent it; known once Users has ended.
func (p *Page) Count() (n int, ok bool) { return p.count, p.hasCount }

// Users reads the page's users in Graph's order, each once. A body that breaks
// half-way is asked for again and goes on behind the users that were delivered.
// After an error the page is not complete and the pager is over.
func (p *Page) Users() iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		if p.state != unread {
			yield(User{}, errors.New("graph: a page can be read only once"))
			return
		}
		p.state = reading
		p.pager.delivered = p.pager.delivered[:0]
		var again map[string]bool // delivered by an attempt that broke
		for {
			err := p.decode(again, yield)
			if err == nil {
				p.state = whole
				p.finish()
				return
			}
			p.drop() // the link of a broken body is not trusted
			if errors.Is(err, errStopped) {
				p.state = abandoned
				p.Close()
				return
			}
			if err = p.fetch.again(p.pager.client, err); err != nil {
				p.state = broken
				p.Close()
				yield(User{}, err)
				return
			}
			again = deliveredSet(p.pager.delivered)
		}
	}
}

// Close ends the page, read or not. It is called by Users and may be called
// again.
func (p *Page) Close() {
	p.fetch.drop()
	if p.state != whole {
		p.drop()
	}
}

func (p *Page) open() error {
	if _, err := p.fetch.wait(); err != nil {
		p.fetch.cancel()
		return err
	}
	return nil
}

// setLink takes the nextLink as soon as it is read, which Graph sends before
// the users: the next page's wait then hides behind this page's transfer.
func (p *Page) setLink(link string) {
	p.link = link
	if !p.pager.alone {
		p.next = p.pager.follow(p.ctx, link)
	}
}

// drop forgets the page that was asked for ahead.
func (p *Page) drop() {
	if p.next != nil {
		p.next.drop()
	}
	p.next, p.link, p.hasCount = nil, "", false
}

// finish gives the connection back.
func (p *Page) finish() {
	_ = p.fetch.resp.Body.Close()
	p.fetch.cancel()
}

var errStopped = errors.New("the reader stopped")

// decode reads the present response: the members of the page in any order,
// the users as they come, and the body to its very end.
func (p *Page) decode(again map[string]bool, yield func(User, error) bool) error {
	d := &p.pager.decoder
	// A name that was cut within a surrogate pair must not cost the whole list,
	// so UTF-16 escapes are taken as they are; raw bytes are checked in user().
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
				return p.fault("it has two value members")
			}
			users = true
			err = p.decodeUsers(d, again, yield)
		case "@odata.nextLink":
			err = p.decodeLink(d)
		case "@odata.count":
			err = p.decodeCount(d)
		case "error":
			return p.fault("it is an error with status 200")
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
		return p.fault("it has no value member")
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		if err == nil {
			return p.fault("something follows the page")
		}
		return p.malformed(d, err)
	}
	return nil
}

func (p *Page) decodeUsers(d *jsontext.Decoder, again map[string]bool, yield func(User, error) bool) error {
	if err := p.expect(d, '['); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		raw, err := d.ReadValue()
		if err != nil {
			return p.malformed(d, err)
		}
		user, fault := p.user(raw)
		if fault != "" {
			return p.fault(fault)
		}
		if again[string(user.ID)] {
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
	token, err := d.ReadToken()
	switch {
	case err != nil:
		return p.malformed(d, err)
	case token.Kind() == 'n':
		return nil
	case token.Kind() != '"' || token.String() == "":
		return p.fault("its nextLink is not a link")
	case p.link != "":
		return p.fault("it has two nextLinks")
	}
	p.setLink(token.String())
	return nil
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
		return p.fault("it is not a page of users")
	}
	return nil
}
