package graphapi

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/query"
)

// page is one page of a list, chosen but not yet written.
type page struct {
	query   *query.Query
	token   pageToken // by which it was asked for; that of a new chain on the first page
	indices []int
	total   int    // -1 without @odata.count
	link    string // the next page, or empty
}

// list answers GET /users.
func (c *call) list(string) {
	if c.config.OnPage != nil {
		c.config.OnPage(c.page)
	}
	q, refusal := query.List(c.config, c.R.URL.RawQuery, c.eventual())
	if refusal == nil {
		refusal = c.permit(q)
	}
	p := &page{query: q, total: -1}
	if refusal == nil {
		p.token, refusal = c.open(q)
	}
	if refusal == nil && c.faults.Has("poisoned-token") && !c.chains.asked.swap(c.R.URL.RawQuery, true) {
		refusal = unavailable()
	}
	if refusal != nil {
		c.fail(refusal)
		return
	}
	c.choose(p)
	c.send(p)
}

// open checks the page token, or starts a new chain of pages.
func (c *call) open(q *query.Query) (pageToken, *grapherror.Error) {
	if q.SkipToken == "" {
		return pageToken{chain: c.chains.last.Add(1), started: time.Now(), hash: q.Hash, page: 1}, nil
	}
	token, ok := decodePageToken(c.key, q.SkipToken)
	switch {
	case !ok || token.hash != q.Hash:
		return token, grapherror.BadRequest("The specified page token is not valid.")
	case token.advanced && !c.eventual():
		// A link does not carry the header; it must come with every page.
		return token, query.NeedsHeader()
	case token.poisoned:
		return token, grapherror.New(http.StatusBadRequest, "DirectoryPageTokenNotFoundException",
			"The page token was issued for a request that had been retried.")
	case c.chains.dead.get(token.chain), c.config.TokenMaxAge > 0 && time.Since(token.started) > c.config.TokenMaxAge:
		return token, expiredPageToken()
	}
	return token, nil
}

// choose picks the page's users and makes its link, faults included.
func (c *call) choose(p *page) {
	q, first := p.query, p.query.SkipToken == ""
	asOf := c.asOf()
	if first && q.Count {
		p.total = c.countUsers(q)
	}
	empty := c.faults.Has("empty-page") && !p.token.filled
	skip := 0
	if c.faults.Has("lost-page") {
		skip = q.Top
	}
	next, more := p.token, false
	p.indices = make([]int, 0, q.Top+1)
	matcher := q.Matcher(c.directory.People)
	c.directory.Walk(q.Order, p.token.position, !first, asOf, func(position, index int) bool {
		if !matcher.Match(index) {
			return true
		}
		switch {
		case empty || len(p.indices) == q.Top && skip == 0:
			next.position, more = position, true
			return false
		case len(p.indices) == q.Top:
			skip--
		default:
			p.indices = append(p.indices, index)
		}
		return true
	})
	if p.token.repeat > 0 && c.faults.Has("duplicate") {
		p.indices = slices.Insert(p.indices, 0, p.token.repeat-1)
	}
	next.page, next.hash, next.repeat = c.page+1, q.Hash, 0
	if len(p.indices) > 0 {
		next.repeat = p.indices[len(p.indices)-1] + 1
	}
	next.filled, next.advanced = empty, q.Advanced
	next.poisoned = c.faults.Has("poisoned-token")
	if more {
		p.link = c.linkTo(p, next)
	}
	p.link = c.corrupt(p)
}

// linkTo writes the link to a page, with the query as the service re-encodes it.
func (c *call) linkTo(p *page, token pageToken) string {
	link := c.Base() + "/v1.0/users?"
	if p.query.Echo != "" {
		link += p.query.Echo + "&"
	}
	return link + "$skiptoken=" + token.encode(c.key)
}

// corrupt is the page's link as the faults change it.
func (c *call) corrupt(p *page) string {
	link := p.link
	if c.page == 1 && link != "" {
		c.chains.second.swap(p.token.chain, link)
	}
	rest := strings.TrimPrefix(link, c.Base())
	if rest == "" {
		rest = "/v1.0/users?$skiptoken=" + p.token.encode(c.key)
	}
	switch {
	case c.faults.Has("early-end"):
		return ""
	case c.faults.Has("loop") && p.query.SkipToken == "":
		return strings.TrimSuffix(c.Base()+"/v1.0/users?"+p.query.Echo, "?")
	case c.faults.Has("loop"):
		return c.linkTo(p, p.token)
	case c.faults.Has("loop-long"):
		return c.chains.second.get(p.token.chain)
	case c.faults.Has("foreign-host"):
		return "https://" + c.config.ForeignHost + rest
	case c.faults.Has("foreign-scheme"):
		return "http://" + c.R.Host + rest
	case c.faults.Has("foreign-path"):
		return c.Base() + strings.Replace(rest, "/v1.0/users", "/v1.0/applications", 1)
	case c.faults.Has("userinfo-host"):
		return "https://" + c.R.Host + "@" + c.config.ForeignHost + rest
	}
	return link
}
