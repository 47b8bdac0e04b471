package graphapi

import (
	"strconv"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/people"
	"github.com/rollcall-dev/rollcall/pkg/simulator/query"
)

// oldCount is how old the figure of the fault count-old is.
const oldCount = 30 * time.Second

// countUsers counts the users that a query finds, as the count's index shows them.
func (c *call) countUsers(q *query.Query) int {
	lag := c.config.CountLag
	if c.faults.Has("count-old") {
		lag = max(lag, c.config.Scaled(oldCount))
	}
	asOf := time.Now().Add(-lag)
	truth := 0
	if q.MatchesAll() {
		truth = c.directory.Size(asOf)
	} else {
		matcher := q.Matcher()
		c.directory.Walk(q.Order, nil, asOf, func(_ int, u *people.Person) bool {
			if matcher.Match(u) {
				truth++
			}
			return true
		})
	}
	request := int(c.counts.Add(1))
	if c.config.Count != nil {
		return max(0, c.config.Count(request, truth))
	}
	return truth
}

// count answers GET /users/$count.
func (c *call) count(string) {
	if !c.eventual() || c.config.B2C {
		c.fail(countUnsupported())
		return
	}
	q, refusal := query.Count(c.R.URL.RawQuery)
	if refusal == nil {
		refusal = c.permit(q)
	}
	if refusal != nil {
		c.fail(refusal)
		return
	}
	n := c.countUsers(q)
	switch {
	case c.faults.Has("count-lag"):
		n = max(0, n-3)
	case c.faults.Has("count-high"):
		n += 9
	}
	body := replaced(c.faults, map[string]string{"count-text": "many", "count-negative": "-" + strconv.Itoa(n), "count-empty": ""}, strconv.Itoa(n))
	if c.config.CountBOM {
		body = "\ufeff" + body
	}
	c.ok("text/plain")
	c.Write([]byte(body))
}

func countUnsupported() *grapherror.Error {
	return grapherror.BadRequest("$count is not currently supported.")
}
