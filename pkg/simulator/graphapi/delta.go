package graphapi

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/simulator/directory"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
	"github.com/rollcall-dev/rollcall/pkg/simulator/query"
)

// deltaLag is how old the changes of the fault delta-lag are before they show.
const deltaLag = 10 * time.Second

// replays is how many changes the fault delta-replay repeats.
const replays = 5

// delta answers GET /users/delta in each of its spellings.
func (c *call) delta(string) {
	if c.config.B2C || c.config.NoDelta {
		c.fail(deltaUnsupported())
		return
	}
	asked, refusal := query.ParseDelta(c.R.URL.RawQuery)
	var token deltaToken
	if refusal == nil {
		token, refusal = c.openDelta(asked)
	}
	var q *query.Query
	if refusal == nil {
		q, refusal = asked.Query(token.selected)
	}
	if refusal == nil && !c.may(readUsers) {
		refusal = grapherror.Denied() // User.ReadBasic.All is not enough
	}
	if refusal == nil {
		refusal = c.permit(q)
	}
	if refusal != nil {
		c.fail(refusal)
		return
	}
	c.send(c.deltaPage(q, token))
}

func deltaUnsupported() *grapherror.Error {
	return grapherror.Unsupported("Delta queries are not supported in this tenant.")
}

func syncStateNotFound() *grapherror.Error {
	return grapherror.New(http.StatusBadRequest, "syncStateNotFound",
		"The delta token has expired. The data must be synchronised again, without a token.")
}

// openDelta checks the token, or starts a new chain of links: with all users, or from
// now on.
func (c *call) openDelta(asked query.Delta) (deltaToken, *grapherror.Error) {
	now := c.directory.Position(c.deltaAsOf())
	text := cmp.Or(asked.SkipToken, asked.DeltaToken)
	if text == "" || text == "latest" {
		token := deltaToken{
			page: 1, chain: c.chains.last.Add(1), issued: time.Now(), initial: text == "", from: now, to: now,
			selected: asked.Select, among: asked.Among,
		}
		if !token.initial {
			token.resume = now
		}
		return token, nil
	}
	token, ok := decodeDeltaToken(c.key, text)
	switch {
	case !ok || (token.to < 0) != (asked.SkipToken == ""):
		return token, grapherror.BadRequest("The specified delta token is not valid.")
	case c.chains.dead.get(token.chain), time.Since(token.issued) > c.config.DeltaMaxAge:
		return token, syncStateNotFound()
	}
	if asked.Select != nil {
		token.selected = asked.Select
	}
	if asked.SkipToken == "" {
		token.issued, token.to = time.Now(), max(now, token.from)
	}
	return token, nil
}

// deltaAsOf is the moment up to which changes show.
func (c *call) deltaAsOf() time.Time {
	asOf := c.asOf()
	if c.faults.Has("delta-lag") {
		asOf = asOf.Add(-c.config.Scaled(deltaLag))
	}
	return asOf
}

// deltaPage picks the entries of a page and makes its one link.
func (c *call) deltaPage(q *query.Query, token deltaToken) *page {
	limit, next := c.config.DeltaPageSize, token
	next.page = c.page + 1
	if next.filled = c.faults.Has("empty-page") && !token.filled; next.filled {
		limit = 0
	}
	pick := c.changes
	if token.initial {
		pick = c.currentUsers
	}
	entries, more := pick(&next, limit)
	if c.faults.Has("delta-drop") && len(entries) > 0 {
		entries = entries[1:]
	}
	if c.faults.Has("delta-duplicate") {
		entries = slices.Repeat(entries, 2)
	}
	if c.faults.Has("delta-silent-manager") {
		q.Columns = slices.DeleteFunc(slices.Clone(q.Columns), func(column people.Column) bool { return column.Name == property.Manager })
	}
	path := strings.TrimSuffix(c.R.URL.Path, "/")
	p := &page{query: q, total: -1, size: len(entries)}
	minimal := strings.Contains(c.R.Header.Get("Prefer"), "return=minimal")
	p.write = func(dst []byte, i int) []byte { return appendEntry(dst, &entries[i], q.Columns, minimal) }
	switch {
	case c.faults.Has("early-end"):
	case more:
		p.link = c.linkMember("nextLink", c.misdirect(path+"?$skiptoken="+next.encode(c.key)))
	default:
		next.initial, next.from, next.resume, next.to = false, token.to, token.to, -1
		p.link = c.linkMember("deltaLink", c.misdirect(path+"?$deltatoken="+next.encode(c.key)))
	}
	return p
}

// currentUsers picks users who exist, for a round that shows everybody.
func (c *call) currentUsers(next *deltaToken, limit int) (entries []directory.Changed, more bool) {
	order := directory.Order{Among: next.among}
	var from *directory.Place
	if next.page > 2 {
		from = &directory.Place{At: next.resume}
	}
	c.directory.Walk(order, from, c.deltaAsOf(), func(at int, u *people.Person) bool {
		if more = len(entries) == limit; more {
			next.resume = at
			return false
		}
		entries = append(entries, directory.Changed{Life: directory.Live, What: directory.Creation, User: *u})
		return true
	})
	return entries, more
}

// changes picks users who have changed. A change of nothing that is tracked is none.
func (c *call) changes(next *deltaToken, limit int) (entries []directory.Changed, more bool) {
	among := c.indices(next.among)
	tracked := trackedBy(next.selected)
	find := func(entry *directory.Changed) bool {
		return entry.What&tracked != 0 && (among == nil || slices.Contains(among, entry.User.Index()))
	}
	if c.faults.Has("delta-replay") && next.resume == next.from {
		for position := max(0, next.from-replays); position < next.from; position++ {
			if entry := c.directory.Change(position); find(&entry) {
				entries = append(entries, entry)
			}
		}
	}
	c.directory.Changes(next.from, next.resume, next.to, func(entry *directory.Changed) bool {
		if !find(entry) {
			return true
		}
		if more = len(entries) >= limit; more {
			next.resume = entry.Position
			return false
		}
		entries = append(entries, *entry)
		return true
	})
	return entries, more
}

// indices are the users with the ids, nil for nil.
func (c *call) indices(ids []string) []int {
	if ids == nil {
		return nil
	}
	indices := make([]int, 0, len(ids))
	for _, id := range ids {
		if index, byID, ok := c.directory.People.Find(id); ok && byID {
			indices = append(indices, index)
		}
	}
	return indices
}

// touched are the properties of users that a change is about; no other property of a
// simulated user changes.
func touched(what directory.What) []string {
	var names []string
	for bit, of := range map[directory.What][]string{
		directory.UserPrincipalName: {"userPrincipalName", "identities"},
		directory.DisplayName:       {"displayName"},
		directory.Department:        {"department"},
		directory.Manager:           {property.Manager},
	} {
		if what&bit != 0 {
			names = append(names, of...)
		}
	}
	return names
}

// trackedBy says which changes cause an entry: those of the selected properties, or
// all without a selection. Who comes and goes is always reported.
func trackedBy(selected []string) directory.What {
	if selected == nil {
		return ^directory.What(0)
	}
	tracked := directory.Creation | directory.Existence
	for bit := directory.What(1); bit != 0; bit <<= 1 {
		if slices.ContainsFunc(touched(bit), func(name string) bool { return slices.Contains(selected, name) }) {
			tracked |= bit
		}
	}
	return tracked
}

// appendEntry writes an entry: a user with all tracked properties or, in the minimal
// form, with those that have changed.
func appendEntry(dst []byte, entry *directory.Changed, columns []people.Column, minimal bool) []byte {
	switch {
	case entry.Life == directory.Live && minimal && entry.What&(directory.Creation|directory.Existence) == 0:
		names := touched(entry.What)
		columns = slices.DeleteFunc(slices.Clone(columns), func(column people.Column) bool { return !slices.Contains(names, column.Name) })
		return entry.User.AppendChange(dst, columns)
	case entry.Life == directory.Live:
		return entry.User.AppendChange(dst, columns)
	}
	reason := "changed"
	if entry.Life == directory.Purged {
		reason = "deleted"
	}
	dst = entry.User.AppendChange(dst, nil)
	return append(append(append(dst[:len(dst)-1], `,"@removed":{"reason":"`...), reason...), `"}}`...)
}
