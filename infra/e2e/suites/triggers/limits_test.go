package triggers_test

import (
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
)

// anonymous has no Authorization header, and so no verified caller.
func (c *client) anonymous() {
	for _, path := range []string{"/users", "/users/$count", "/users?$format=csv"} {
		c.want(c.do(path, nil), http.StatusUnauthorized, "Request.Unauthorized")
	}
	if n := len(c.endpoint.Tenant.Requests()); n != 0 {
		c.Errorf("%d requests went to the tenant", n)
	}
}

// broken: Graph gives three pages and then only errors.
func (c *client) broken(kind gateway.Kind) {
	if r := c.get("/users?$select=id&$format=csv", ""); r.status == http.StatusOK {
		c.Errorf("CSV of a broken list answers %d: %.300s", r.status, r.body)
	}
	r := c.get("/users?$select=id&$format=ndjson", "")
	if !kind.Streams && r.status != http.StatusOK {
		return // a buffered answer may also fail
	}
	seen := map[string]bool{}
	last := c.lines(r.body, seen)
	if last.Complete == nil || *last.Complete || last.Error.Code != "Graph.Unavailable" {
		c.Errorf("after %d users it closes with %+v", len(seen), last)
	}
	if len(seen) == 0 || len(seen) >= 5000 {
		c.Errorf("%d users came before it broke", len(seen))
	}
}

// large asks for more than the trigger takes in one piece.
func (c *client) large(kind gateway.Kind) {
	for _, format := range []string{"ndjson", "csv"} {
		r := c.get("/users?$format="+format, "")
		if kind.Streams {
			c.want(r, http.StatusOK, "")
			continue
		}
		c.want(r, http.StatusRequestEntityTooLarge, "Response.TooLarge")
		if strings.Contains(r.body, "Accept-Encoding: gzip") != kind.Compresses {
			c.Errorf("%s: %s", format, r.body)
		}
		if !kind.Compresses {
			continue
		}
		packed := c.do("/users?$format="+format, accepting("gzip"))
		if kind.Largest < 6<<20 {
			c.want(packed, http.StatusRequestEntityTooLarge, "Response.TooLarge")
			if strings.Contains(packed.body, "Accept-Encoding") {
				c.Errorf("%s: a caller who did that is advised to ask for gzip: %s", format, packed.body)
			}
			continue
		}
		c.want(response{packed.status, packed.header, ""}, http.StatusOK, "")
		if n := strings.Count(c.unpacked(packed), "\n"); n < 30_001 { // a cell may have two lines
			c.Errorf("%s: %d lines of 30,001", format, n)
		}
	}
}
