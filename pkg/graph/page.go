package graph

import (
	"bytes"
	"context"
	"errors"
	"iter"

	"github.com/rollcall-dev/rollcall/pkg/telemetry"
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
	next  *fetch // the prefetched page
	state pageState

	link string
	// deltaLink is @odata.deltaLink, on the last page of a delta query.
	deltaLink string
	count     int
	hasCount  bool
}

type pageState int

const (
	unread   pageState = iota
	reading            // Users is running
	complete           // read to the end of its body
	stopped            // its reader stopped
	failed             // its error was delivered
)

// Link is the nextLink as Graph sent it, "" on the last page. It is known once
// Users has come to its end.
func (p *Page) Link() string {
	if p.state != complete {
		return ""
	}
	return p.link
}

// Count is @odata.count, where Graph sent it; known once Users has ended.
func (p *Page) Count() (n int, ok bool) { return p.count, p.hasCount }

// Users reads the page's users in Graph's order, each once. A body that breaks
// half-way is requested once more, and the iteration goes on behind the users
// that were delivered. After an error the page is not complete and the pager
// ends.
func (p *Page) Users() iter.Seq2[User, error] {
	return func(yield func(User, error) bool) {
		if p.state != unread {
			yield(User{}, errors.New("graph: a page can be read only once"))
			return
		}
		p.state = reading
		p.pager.delivered = p.pager.delivered[:0]
		var delivered map[string]bool // by an attempt that broke
		for {
			err := p.decode(delivered, yield)
			if err == nil {
				p.state = complete
				telemetry.Observe(p.ctx, telemetry.Pages, 1)
				p.pager.client.known.Store(true)
				_ = p.fetch.resp.Body.Close() // its connection is free for the next request
				p.fetch.cancel()
				return
			}
			p.dropNext() // the link of a broken body is not trusted
			if errors.Is(err, errStopped) {
				p.state = stopped
				p.Close()
				return
			}
			if err = p.fetch.retry(err); err != nil {
				p.state = failed
				p.Close()
				yield(User{}, err)
				return
			}
			delivered = idSet(p.pager.delivered)
		}
	}
}

var errStopped = errors.New("the reader stopped")

// idSet returns the ids that are in a list, each of which ends in a zero byte.
func idSet(list []byte) map[string]bool {
	set := make(map[string]bool)
	for id := range bytes.SplitSeq(list, []byte{0}) {
		set[string(id)] = true
	}
	return set
}

// Close ends the page, read or not. Users calls it too; a second call does
// nothing.
func (p *Page) Close() {
	p.fetch.close()
	if p.state != complete {
		p.dropNext()
	}
}

// open waits for the page's first byte.
func (p *Page) open() error {
	err := p.fetch.wait()
	if err != nil {
		p.fetch.cancel()
		return err
	}
	p.pager.first.eventual = p.fetch.call.request.eventual // and so are the pages that follow
	return nil
}

// Advanced reports whether the page is one of an advanced query, whose next page has to
// be asked for as such.
func (p *Page) Advanced() bool { return p.fetch.call.request.eventual }

// setLink is called as soon as the nextLink is read, which Graph sends before
// the users: the next page's wait then hides behind this page's transfer.
func (p *Page) setLink(link string) {
	p.link = link
	if p.pager.prefetch {
		p.next = p.pager.follow(p.ctx, link)
	}
}

// dropNext cancels the prefetched page and forgets what this page said of it.
func (p *Page) dropNext() {
	if p.next != nil {
		p.next.close()
	}
	p.next, p.link, p.deltaLink, p.hasCount = nil, "", "", false
}
