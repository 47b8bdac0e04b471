package triggers

import (
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/stage"
)

// anonymous has no Authorization header, which is how a caller is played whom
// nobody verified.
func (p *play) anonymous() {
	for _, path := range []string{"/users", "/users/$count", "/users?$format=csv"} {
		p.want(p.do(path, nil), http.StatusUnauthorized, "Request.Unauthorized")
	}
	if n := len(p.stage.Tenant.Requests()); n != 0 {
		p.Errorf("%d requests went to the tenant", n)
	}
}

// broken: Graph gives three pages and then only errors.
func (p *play) broken(kind gateway.Kind) {
	if r := p.get("/users?$select=id&$format=csv", ""); r.status == http.StatusOK {
		p.Errorf("CSV of a broken list answers %d: %.300s", r.status, r.body)
	}
	r := p.get("/users?$select=id&$format=ndjson", "")
	if !kind.Streams && r.status != http.StatusOK {
		return // what does not stream has the choice
	}
	seen := map[string]bool{}
	last := p.lines(r.body, seen)
	if last.Complete == nil || *last.Complete || last.Error.Code != "Graph.Unavailable" {
		p.Errorf("after %d users it closes with %+v", len(seen), last)
	}
	if len(seen) == 0 || len(seen) >= 5000 {
		p.Errorf("%d users came before it broke", len(seen))
	}
}

// large asks for more than what the trigger takes in one piece.
func (p *play) large(kind gateway.Kind) {
	for _, format := range []string{"ndjson", "csv"} {
		r := p.get("/users?$format="+format, "")
		if kind.Streams {
			p.want(r, http.StatusOK, "")
			continue
		}
		p.want(r, http.StatusRequestEntityTooLarge, "Response.TooLarge")
	}
}

// compressed asks for gzip. A REST API would need a list of binary media types
// and a stream cannot be compressed, so both stay plain.
func (p *play) compressed(kind gateway.Kind) {
	got := p.do("/users", http.Header{"Authorization": {"Bearer " + stage.Token}, "Accept-Encoding": {"gzip"}})
	p.want(response{got.status, got.header, ""}, http.StatusOK, "")
	if !kind.Compresses {
		if got.header.Get("Content-Encoding") != "" || !strings.HasPrefix(got.body, "{") {
			p.Errorf("it answers in %q: %.100q", got.header.Get("Content-Encoding"), got.body)
		}
		return
	}
	zip, err := gzip.NewReader(strings.NewReader(got.body))
	if err != nil {
		p.Fatalf("it answers in %q: %v", got.header.Get("Content-Encoding"), err)
	}
	if plain, err := io.ReadAll(zip); err != nil || !strings.HasPrefix(string(plain), "{") {
		p.Errorf("it unpacks to %.100q, %v", plain, err)
	}
}
