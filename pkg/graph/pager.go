package graph

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"

	"github.com/rollcall-dev/rollcall/pkg/crash"
)

// Pager reads one list, page after page along its nextLinks. It is for one
// reader; its buffers serve one page after the other.
type Pager struct {
	// Stats counts retries over the life of the pager.
	Stats Stats

	client    *Client
	first     request
	prefetch  bool // request the next page while the current one arrives
	delta     bool // the pages are of changes, the last of which has a delta link
	deltaLink string
	pause     func() bool // asked after a page of changes whether to stop there, if set
	scanner   scanner
	delivered []byte // ids of the current page's users that the reader has got
}

// pager reads a list that begins with a request. selected is what the request asks for of
// each user.
func (c *Client) pager(first request, selected *selection) *Pager {
	return &Pager{client: c, first: first, prefetch: true, scanner: newScanner(selected)}
}

// From lets the pager begin at a nextLink that an earlier pager of the same
// query has read ([Page.Link]). The link has to satisfy the same rules as those
// that Graph sends; the error is a [LinkError].
func (p *Pager) From(link string) error {
	first, err := p.linked(link)
	if err == nil {
		p.first = first
	}
	return err
}

// Pages reads the list. Each page has to be read to its end before the next
// one is taken from the iteration; meanwhile the request for the next page is
// already under way (one at most). An error ends the list, which is then not
// complete. Reading all pages without an error means that Graph ended the list;
// whether that is everybody is for the caller to find out.
func (p *Pager) Pages(ctx context.Context) iter.Seq2[*Page, error] {
	return func(yield func(*Page, error) bool) {
		c := cursor{pager: p, next: p.fetch(ctx, p.first), number: 1}
		defer c.close() // also when the reader panics
		for c.next != nil {
			page, err := c.open(ctx)
			switch {
			case err != nil:
				yield(nil, err)
				return
			case page == nil: // the cursor went back
				continue
			}
			more := yield(page, nil)
			page.Close()
			if !more || page.state == failed { // its error was delivered by Users
				return
			}
			if err := c.advance(); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// cursor is the state of an iteration over the pages of a list.
type cursor struct {
	pager    *Pager
	next     *fetch
	number   int   // of the page that next leads to
	page     *Page // being read
	fallback position
	furthest int // page that was read to its end
	loop     loopDetector
}

// position is a link and the number of the page it leads to.
type position struct {
	link   string
	number int
}

// open waits for the next page. Graph may poison the link of a page that had to
// be requested twice. So when a page token is lost, open goes back to the link
// of the last page that came at the first attempt, and returns nil.
func (c *cursor) open(ctx context.Context) (*Page, error) {
	page := &Page{Number: c.number, Reread: c.number <= c.furthest, pager: c.pager, ctx: ctx, fetch: c.next}
	err := page.open()
	if err == nil {
		c.page = page
		return page, nil
	}
	var answer *Error
	if !errors.As(err, &answer) || !answer.PageToken() || c.fallback.link == "" || c.fallback.number >= c.number {
		return nil, err
	}
	c.pager.client.log.WarnContext(ctx, "page token lost after a retry; going back to the last page that needed none",
		"error", err, "page", c.number, "to", c.fallback.number)
	c.next, c.number = c.pager.follow(ctx, c.fallback.link), c.fallback.number
	c.fallback, c.loop = position{}, loopDetector{}
	return nil, nil
}

// advance moves on from a page that was read to its end.
func (c *cursor) advance() error {
	page := c.page
	if page.state != complete {
		return fmt.Errorf("graph: page %d was not read to its end", c.number)
	}
	c.furthest = max(c.furthest, c.number)
	c.number++
	if page.link != "" {
		if err := c.loop.visit(page.link); err != nil {
			return err
		}
	}
	c.pager.deltaLink = page.deltaLink
	if !page.fetch.call.retried() {
		c.fallback = position{link: page.link, number: c.number}
	}
	c.page, c.next = nil, page.next
	return nil
}

// close cancels what a reader that stopped has left: the current page and the
// prefetched one. After the last page there is neither.
func (c *cursor) close() {
	if c.page != nil {
		c.page.Close()
		c.page.dropNext()
	}
}

// fetch is a page's request under way.
type fetch struct {
	call   call
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{}
	resp   *http.Response
	err    error
}

// fetch starts a request.
func (p *Pager) fetch(ctx context.Context, r request) *fetch {
	f := &fetch{call: p.client.call(r, &p.Stats), done: make(chan struct{})}
	f.ctx, f.cancel = context.WithCancel(ctx)
	go func() {
		defer close(f.done)
		defer crash.Recover(&f.err)
		f.resp, f.err = f.call.do(f.ctx)
	}()
	return f
}

// follow starts the request for a link that Graph sent. A link that may not be
// followed is a request that has failed already.
func (p *Pager) follow(ctx context.Context, link string) *fetch {
	r, err := p.linked(link)
	if err == nil {
		return p.fetch(ctx, r)
	}
	f := &fetch{cancel: func() {}, done: make(chan struct{}), err: err}
	close(f.done)
	return f
}

// linked is the request for a link. A list that begins at a link, to be resumed, is an
// advanced query if the link says so.
func (p *Pager) linked(link string) (request, error) {
	u, err := p.client.resolve(link, p.first.url.EscapedPath())
	if err != nil {
		return request{}, err
	}
	eventual := p.first.eventual || asciiLower(u.Query().Get("$count")) == "true"
	return request{url: u, eventual: eventual, continuation: true}, nil
}

// wait returns once the headers of the response are there.
func (f *fetch) wait() error {
	<-f.done
	return f.err
}

// retry repeats the request after its body has broken with err, if that is
// worth an attempt.
func (f *fetch) retry(err error) error {
	_ = f.resp.Body.Close()
	if err := f.call.retry(f.ctx, err); err != nil {
		return err
	}
	f.resp, f.err = f.call.do(f.ctx)
	return f.err
}

// close ends the request, however far it has come.
func (f *fetch) close() {
	f.cancel()
	<-f.done
	if f.resp != nil {
		_ = f.resp.Body.Close()
	}
}
