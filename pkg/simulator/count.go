package simulator

import (
	"net/http"
	"time"
)

// countAsOf is the moment whose state a count shows.
func (x *exchange) countAsOf() time.Time { return time.Now().Add(-x.tenant.config.CountLag) }

// countUsers counts the users that a query finds, as the count's index sees them.
func (t *Tenant) countUsers(q *listQuery, asOf time.Time) int {
	truth := 0
	if q.filter == nil && len(q.search) == 0 {
		truth = t.roster.size(asOf)
	} else {
		var m matcher
		t.walkUsers(q, 0, false, asOf, func(_ int64, index uint64) bool {
			if m.match(t.people, q, index) {
				truth++
			}
			return true
		})
	}
	request := int(t.counts.Add(1))
	if t.config.Count != nil {
		return max(0, t.config.Count(request, truth))
	}
	return truth
}

// count answers GET /users/$count.
func (x *exchange) count() {
	t := x.tenant
	if !x.eventual() || t.config.B2C {
		x.fail(badRequest("$count is not currently supported."))
		return
	}
	q, refusal := t.parseCount(x.r.URL.RawQuery)
	if refusal == nil {
		_, refusal = t.permit(x.token.Roles, nil, q.filter.mentions)
	}
	if refusal != nil {
		x.fail(refusal)
		return
	}
	n := t.countUsers(q, x.countAsOf())
	if x.faults.has("count-lag") {
		n = max(0, n-3)
	}
	body := itoa(n)
	if t.config.CountBOM {
		body = "\ufeff" + body
	}
	x.graphHeaders()
	x.w.Header().Set("Cache-Control", "no-cache")
	x.w.Header().Set("OData-Version", "4.0")
	x.head(http.StatusOK, "text/plain")
	x.write([]byte(body))
}

// parseCount understands the options of /users/$count: $filter and $search.
func (t *Tenant) parseCount(raw string) (*listQuery, *graphError) {
	all, refusal := parameters(raw)
	if refusal != nil {
		return nil, refusal
	}
	q := &listQuery{}
	for _, p := range all {
		switch p.name {
		case "$filter":
			q.filter, refusal = parseFilter(p.value)
		case "$search":
			q.search, refusal = parseSearch(p.value)
		case "$count":
		default:
			if p.name != "" && p.name[0] == '$' {
				refusal = badRequest("The query option '" + p.name + "' is not supported.")
			}
		}
		if refusal != nil {
			return nil, refusal
		}
	}
	q.span = q.filter.upnSpan()
	return q, nil
}
