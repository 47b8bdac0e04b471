package graph

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/go-json-experiment/json/jsontext"
)

// Stats counts what happened below a pager's pages. It may be read while the
// pager is.
type Stats struct {
	retries, throttled atomic.Int64
}

// Retries is the number of requests that were made again.
func (s *Stats) Retries() int { return int(s.retries.Load()) }

// Throttled is the number of answers with status 429.
func (s *Stats) Throttled() int { return int(s.throttled.Load()) }

// Pager is one list, read page after page along its nextLinks. It is for one
// reader; its buffers serve one page after the other.
type Pager struct {
	// Stats counts retries over the life of the pager.
	Stats Stats

	client    *Client
	first     request
	alone     bool // no page is asked for ahead
	decoder   jsontext.Decoder
	delivered []byte // ids of the present page that the reader has got
	scratch   []byte
}

// Pager prepares to read the list that q asks for. It makes no request.
func (c *Client) Pager(q Query) *Pager {
	u := *c.base
	u.Path, u.RawQuery = usersPath, q.encode()
	return &Pager{client: c, first: request{url: &u, eventual: q.eventual()}}
}

// From lets the pager begin at a nextLink that an earlier pager of the same
// query has read ([Page.Link]). The link is held to the same rules as on the
// way; the error is a [LinkError].
func (p *Pager) From(link string) error {
	u, err := p.client.resolve(link, p.first.url.EscapedPath())
	if err != nil {
		return err
	}
	p.first = request{url: u, eventual: p.first.eventual, continuation: true}
	return nil
}

// Pages reads the list. Each page has to be read to its end before the next
// one is asked for from the iteration; meanwhile the next page is already on
// its way (one at most). An error ends the list, which is then not complete.
// Reading all pages without an error means that Graph ended the list; whether
// that is everybody is for package roll to find out.
func (p *Pager) Pages(ctx context.Context) iter.Seq2[*Page, error] {
	return func(yield func(*Page, error) bool) {
		w := walk{pager: p, next: p.fetch(ctx, p.first, nil), number: 1}
		defer w.abandon() // also when the reader panics
		for w.next != nil {
			page, err := w.open(ctx)
			switch {
			case err != nil:
				yield(nil, err)
				return
			case page == nil: // the walk went back
				continue
			}
			goOn := yield(page, nil)
			page.Close()
			if !goOn || page.state == broken { // its error was delivered by Users
				return
			}
			if err := w.advance(); err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

// walk is the way along a pager.
type walk struct {
	pager  *Pager
	next   *fetch
	number int // of the page that next leads to
	page   *Page
	clean  place // from the last page that came at the first try
	read   int   // the furthest page that was read whole
	loop   loops
}

// open waits for the next page. It returns nothing, and next leads back, when the
// page's token is lost and an earlier link may still hold: Graph may poison the
// link of a page that had to be asked for twice.
func (w *walk) open(ctx context.Context) (*Page, error) {
	page := &Page{Number: w.number, Reread: w.number <= w.read, pager: w.pager, ctx: ctx, fetch: w.next}
	err := page.open()
	if err == nil {
		w.page = page
		return page, nil
	}
	if !pageToken(err) || w.clean.link == "" || w.clean.number >= w.number {
		return nil, err
	}
	w.pager.client.log.WarnContext(ctx, "page token lost after a retry; going back to an undisturbed page",
		"error", err, "page", w.number, "to", w.clean.number)
	w.next, w.number = w.pager.follow(ctx, w.clean.link), w.clean.number
	w.clean, w.loop = place{}, loops{}
	return nil, nil
}

// advance takes the page that was read as done and turns to the one behind it.
func (w *walk) advance() error {
	page := w.page
	if page.state != whole {
		return fmt.Errorf("graph: page %d was not read to its end", w.number)
	}
	w.read = max(w.read, w.number)
	w.number++
	if page.link != "" {
		if err := w.loop.visit(page.link); err != nil {
			return err
		}
	}
	if page.fetch.tries.clean() {
		w.clean = place{link: page.link, number: w.number}
	}
	w.page, w.next = nil, page.next
	return nil
}

// abandon ends what a reader has left: the page in hand and the one asked for
// ahead. After the last page there is neither.
func (w *walk) abandon() {
	if w.page != nil {
		w.page.Close()
		w.page.drop()
	}
}

// place is a link and the number of the page it leads to.
type place struct {
	link   string
	number int
}

func pageToken(err error) bool {
	var answer *Error
	return errors.As(err, &answer) && answer.PageToken()
}

// Page reads one page of the list that q asks for: the first, or the one that
// skipToken (from [SkipToken]) leads to. Nothing is read ahead. The caller
// reads the page or closes it.
func (c *Client) Page(ctx context.Context, q Query, skipToken string) (*Page, error) {
	pager := c.Pager(q)
	pager.alone = true
	if skipToken != "" {
		pager.first.url.RawQuery += "&$skiptoken=" + url.QueryEscape(skipToken)
		pager.first.continuation = true
	}
	page := &Page{Number: 1, pager: pager, ctx: ctx, fetch: pager.fetch(ctx, pager.first, nil)}
	if err := page.open(); err != nil {
		return nil, err
	}
	return page, nil
}

// fetch is a request under way.
type fetch struct {
	request request
	tries   tries
	ctx     context.Context
	cancel  context.CancelFunc
	done    chan struct{}
	resp    *http.Response
	err     error
}

// fetch starts a request. With err it is a request that has failed already.
func (p *Pager) fetch(ctx context.Context, r request, err error) *fetch {
	f := &fetch{request: r, tries: tries{client: p.client, stats: &p.Stats}, done: make(chan struct{}), err: err}
	f.ctx, f.cancel = context.WithCancel(ctx)
	if err != nil {
		close(f.done)
		return f
	}
	go func() {
		defer close(f.done)
		f.resp, f.err = p.client.open(f.ctx, r, &f.tries)
	}()
	return f
}

// follow starts the request for a link that Graph sent.
func (p *Pager) follow(ctx context.Context, link string) *fetch {
	u, err := p.client.resolve(link, p.first.url.EscapedPath())
	return p.fetch(ctx, request{url: u, eventual: p.first.eventual, continuation: true}, err)
}

// wait returns the response once its headers are there.
func (f *fetch) wait() (*http.Response, error) {
	<-f.done
	return f.resp, f.err
}

// again asks once more after the body has broken with err, if that is worth it.
func (f *fetch) again(c *Client, err error) error {
	_ = f.resp.Body.Close()
	if err := f.tries.again(f.ctx, err); err != nil {
		return err
	}
	f.resp, f.err = c.open(f.ctx, f.request, &f.tries)
	return f.err
}

// drop ends the request, whatever has become of it.
func (f *fetch) drop() {
	f.cancel()
	<-f.done
	if f.resp != nil {
		_ = f.resp.Body.Close()
	}
}
