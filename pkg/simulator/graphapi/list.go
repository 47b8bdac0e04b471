package graphapi

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/directory"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
	"github.com/rollcall-dev/rollcall/pkg/simulator/query"
)

// list answers GET /users.
func (c *call) list(string) {
	if c.config.OnPage != nil {
		c.config.OnPage(c.page)
	}
	q, refusal := query.List(c.config, c.R.URL.RawQuery, c.eventual())
	if refusal == nil {
		refusal = c.permit(q)
	}
	var token pageToken
	if refusal == nil {
		token, refusal = c.open(q)
	}
	if refusal == nil && c.faults.Has("poisoned-token") && !c.chains.asked.swap(c.R.URL.RawQuery, true) {
		refusal = unavailable()
	} else if c.config.Chaos != 0 && c.chains.asked.swap(c.R.URL.RawQuery, false) {
		c.poisoned = true // chaos injects no fault twice to order
	}
	if refusal != nil {
		c.fail(refusal)
		return
	}
	c.send(c.choose(q, token))
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

// signInsPerPage is how many users of a page have a signInActivity with the fault
// absent-sign-ins.
const signInsPerPage = 120

// choose picks the page's users and makes its link, faults included. token is that by
// which the page was asked for, or that of a new chain on the first page.
func (c *call) choose(q *query.Query, token pageToken) *page {
	first, asOf := q.SkipToken == "", c.asOf()
	c.expand(q, asOf)
	p := &page{query: q, total: -1}
	if first && q.Count {
		p.total = c.countUsers(q)
	}
	empty := c.faults.Has("empty-page") && !token.filled
	skip := 0
	if c.faults.Has("lost-page") {
		skip = q.Top
	}
	lastLost, rest := c.faults.Has("lost-end"), 0 // how many follow, up to more than a page
	next, more := token, false
	users := make([]people.Person, 0, q.Top+1)
	if token.repeat > 0 && c.faults.Has("duplicate") {
		if u, ok := c.directory.User(token.repeat-1, asOf); ok {
			users = append(users, u)
		}
	}
	full := len(users) + q.Top
	matcher := q.Matcher()
	var from *directory.Place
	if !first {
		from = &token.place
	}
	c.directory.Walk(q.Order, from, asOf, func(at int, u *people.Person) bool {
		if !matcher.Match(u) {
			return true
		}
		switch {
		case empty || len(users) == full && skip == 0:
			if !more {
				next.place, more = q.Order.PlaceOf(at, u), true
			}
			rest++
			return lastLost && rest <= q.Top
		case len(users) == full:
			skip--
		default:
			users = append(users, *u)
		}
		return true
	})
	next.page, next.hash, next.repeat = c.page+1, q.Hash, 0
	if len(users) > 0 {
		next.repeat = users[len(users)-1].Index() + 1
	}
	next.filled, next.advanced = empty, q.Advanced
	next.poisoned = c.poisoned || c.faults.Has("poisoned-token")
	link := ""
	if more && !(lastLost && rest <= q.Top) {
		link = c.Base() + c.pathTo("users", q, next)
	}
	if link = c.corrupt(q, token, link); link != "" {
		p.link = c.linkMember("nextLink", link)
	}
	p.size = len(users)
	p.write = func(dst []byte, i int) []byte {
		columns := q.Columns
		if i >= signInsPerPage && q.Advanced && c.faults.Has("absent-sign-ins") {
			columns = slices.DeleteFunc(slices.Clone(columns), func(column people.Column) bool { return column.Name == "signInActivity" })
		}
		return users[i].Append(dst, columns)
	}
	return p
}

// pathTo is where a page of a collection is, with the query as the service re-encodes it.
func (c *call) pathTo(collection string, q *query.Query, token pageToken) string {
	path := "/v1.0/" + collection + "?"
	if q.Echo != "" {
		path += q.Echo + "&"
	}
	return path + "$skiptoken=" + token.encode(c.key)
}

// corrupt is the page's link as the faults change it.
func (c *call) corrupt(q *query.Query, token pageToken, link string) string {
	if c.page == 1 && link != "" {
		c.chains.second.swap(token.chain, link)
	}
	rest := strings.TrimPrefix(link, c.Base())
	if rest == "" {
		rest = "/v1.0/users?$skiptoken=" + token.encode(c.key)
	}
	switch {
	case c.faults.Has("early-end"):
		return ""
	case c.faults.Has("loop") && q.SkipToken == "":
		return strings.TrimSuffix(c.Base()+"/v1.0/users?"+q.Echo, "?")
	case c.faults.Has("loop"):
		return c.Base() + c.pathTo("users", q, token)
	case c.faults.Has("loop-long"):
		return c.chains.second.get(token.chain)
	}
	if misdirected := c.misdirect(rest); misdirected != c.Base()+rest {
		return misdirected
	}
	return link
}
