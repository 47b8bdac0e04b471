package simulator

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// page is one page of a list, chosen but not yet written.
type page struct {
	query   *listQuery
	token   pageToken // by which it was asked for; zero on the first page
	number  int
	indices []uint64
	total   int    // -1 without @odata.count
	link    string // the next page, or empty
}

// chain is the run of pages that the request belongs to.
func (x *exchange) chain() uint64 {
	values := x.r.URL.Query()
	token, _ := decodePageToken(x.tenant.key, values.Get("$skiptoken"))
	return token.chain
}

// list answers GET /users.
func (x *exchange) list(number int) {
	t := x.tenant
	if t.config.OnPage != nil {
		t.config.OnPage(number)
	}
	q, refusal := t.parseList(x.r.URL.RawQuery, x.eventual())
	if refusal == nil {
		q.columns, refusal = t.permit(x.token.Roles, q.columns, func(name string) bool {
			return slices.Contains(q.selected, name) || q.filter.mentions(name)
		})
	}
	if refusal != nil {
		x.fail(refusal)
		return
	}
	p := &page{query: q, number: number, total: -1}
	if refusal := x.open(p); refusal != nil {
		x.fail(refusal)
		return
	}
	if x.faults.has("poisoned-token") && t.pages.fails(x.r.URL.RawQuery) {
		x.fail(unavailable())
		return
	}
	x.choose(p)
	x.send(p)
}

// open checks the page's token.
func (x *exchange) open(p *page) *graphError {
	t := x.tenant
	if p.query.skip == "" {
		p.token = pageToken{chain: t.chains.Add(1), started: time.Now(), hash: p.query.hash, page: 1}
		return nil
	}
	token, ok := decodePageToken(t.key, p.query.skip)
	switch {
	case !ok || token.hash != p.query.hash:
		return badRequest("The specified page token is not valid.")
	case token.advanced && !x.eventual():
		// A link does not carry the header; it must come with every page.
		return unsupported("Operator or clause is not supported because the required parameters might be missing. To use it, set $count=true and the header ConsistencyLevel: eventual.")
	case token.poisoned:
		return refuse(http.StatusBadRequest, "DirectoryPageTokenNotFoundException",
			"The page token was issued for a request that had been retried.")
	case t.pages.killed(token.chain), t.config.TokenMaxAge > 0 && time.Since(token.started) > t.config.TokenMaxAge:
		return expiredPageToken()
	}
	p.token = token
	return nil
}

// choose picks the page's users and makes its link, faults included.
func (x *exchange) choose(p *page) {
	t, q := x.tenant, p.query
	first := p.query.skip == ""
	asOf := x.asOf()
	if first && q.count {
		p.total = t.countUsers(q, x.countAsOf())
	}
	empty := x.faults.has("empty-page") && !p.token.filled
	skip := 0
	if x.faults.has("lost-page") {
		skip = q.top
	}
	next, more := p.token, false
	p.indices = make([]uint64, 0, q.top+1)
	var m matcher
	keep := func(pos int64, index uint64) bool {
		if !m.match(t.people, q, index) {
			return true
		}
		switch {
		case empty || len(p.indices) == q.top && skip == 0:
			next.position, more = pos, true
			return false
		case len(p.indices) == q.top:
			skip--
		default:
			p.indices = append(p.indices, index)
		}
		return true
	}
	t.walkUsers(q, p.token.position, !first, asOf, keep)
	if p.token.repeat > 0 && x.faults.has("duplicate") {
		p.indices = slices.Insert(p.indices, 0, uint64(p.token.repeat-1))
	}
	next.page, next.hash, next.repeat = p.number+1, q.hash, 0
	if len(p.indices) > 0 {
		next.repeat = signed(p.indices[len(p.indices)-1]) + 1
	}
	next.filled, next.advanced = empty, q.advanced
	next.poisoned = x.faults.has("poisoned-token")
	if more {
		p.link = x.linkTo(p, next)
	}
	p.link = x.twist(p, p.link)
}

// linkTo writes the link to a page, with the query as the service re-encodes it.
func (x *exchange) linkTo(p *page, token pageToken) string {
	link := x.base() + "/v1.0/users?"
	if p.query.echo != "" {
		link += p.query.echo + "&"
	}
	return link + "$skiptoken=" + token.encode(x.tenant.key)
}

// twist lets faults change the link.
func (x *exchange) twist(p *page, link string) string {
	t := x.tenant
	if p.number == 1 && link != "" {
		t.pages.loopBack(p.token.chain, link)
	}
	rest := strings.TrimPrefix(link, x.base())
	if rest == "" {
		rest = "/v1.0/users?$skiptoken=" + p.token.encode(t.key)
	}
	switch {
	case x.faults.has("early-end"):
		return ""
	case x.faults.has("loop") && p.query.skip == "":
		return strings.TrimSuffix(x.base()+"/v1.0/users?"+p.query.echo, "?")
	case x.faults.has("loop"):
		return x.linkTo(p, p.token)
	case x.faults.has("loop-long"):
		return t.pages.loopBack(p.token.chain, "")
	case x.faults.has("foreign-host"):
		return "https://" + t.config.ForeignHost + rest
	case x.faults.has("foreign-scheme"):
		return "http://" + x.r.Host + rest
	case x.faults.has("foreign-path"):
		return x.base() + strings.Replace(rest, "/v1.0/users", "/v1.0/applications", 1)
	case x.faults.has("userinfo-host"):
		return "https://" + x.r.Host + "@" + t.config.ForeignHost + rest
	}
	return link
}
