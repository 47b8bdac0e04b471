package triggers_test

import (
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
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
	}
}

// compressed asks for gzip. A REST API would need a list of binary media types
// and a stream cannot be compressed, so both stay plain.
func (c *client) compressed(kind gateway.Kind) {
	got := c.do("/users", http.Header{"Authorization": {"Bearer " + endpoint.Token}, "Accept-Encoding": {"gzip"}})
	c.want(response{got.status, got.header, ""}, http.StatusOK, "")
	if !kind.Compresses {
		if got.header.Get("Content-Encoding") != "" || !strings.HasPrefix(got.body, "{") {
			c.Errorf("it answers in %q: %.100q", got.header.Get("Content-Encoding"), got.body)
		}
		return
	}
	zip, err := gzip.NewReader(strings.NewReader(got.body))
	if err != nil {
		c.Fatalf("it answers in %q: %v", got.header.Get("Content-Encoding"), err)
	}
	if plain, err := io.ReadAll(zip); err != nil || !strings.HasPrefix(string(plain), "{") {
		c.Errorf("it unpacks to %.100q, %v", plain, err)
	}
}
