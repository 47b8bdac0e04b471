package triggers_test

import (
	"bufio"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/process"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// accepting is a verified caller's header with these Accept-Encoding headers.
func accepting(encodings ...string) http.Header {
	h := caller()
	h["Accept-Encoding"] = encodings
	return h
}

// unpacked is a body without its gzip.
func (c *client) unpacked(r response) string {
	c.Helper()
	zip, err := gzip.NewReader(strings.NewReader(r.body))
	if err != nil {
		c.Fatalf("it answers in %q: %v", r.header.Get("Content-Encoding"), err)
	}
	plain, err := io.ReadAll(zip)
	if err != nil {
		c.Fatalf("it breaks off after %d bytes: %v", len(plain), err)
	}
	return string(plain)
}

// link is the link to the next page, whose token differs each time.
var link = regexp.MustCompile(`"@odata.nextLink":"[^"]*",`)

// compressed asks for gzip in many ways, and with other clients.
func (c *client) compressed(kind gateway.Kind) {
	for _, format := range []string{"json&$top=300", "ndjson", "csv"} {
		address := "/users?$select=id,userPrincipalName,displayName&$format=" + format
		plain := c.do(address, accepting("gzip;q=0, br"))
		c.want(response{plain.status, plain.header, ""}, http.StatusOK, "")
		for _, encodings := range [][]string{{"gzip"}, {"br;q=1.0, GZIP;q=0.8, *;q=0.1"}, {"br", "x-gzip"}, {"*"}} {
			if strings.HasPrefix(kind.Name, "load balancer") && len(encodings) > 1 {
				encodings = encodings[1:] // it may pass on only the last one
			}
			r := c.do(address, accepting(encodings...))
			c.want(response{r.status, r.header, ""}, http.StatusOK, "")
			body := r.body
			if vary := r.header.Get("Vary"); !strings.Contains(vary, "Accept-Encoding") {
				c.Errorf("%s: Vary is %q", format, vary)
			}
			if kind.Compresses {
				if len(body) > len(plain.body)/2 {
					c.Errorf("%s, %q: %d bytes instead of %d", format, encodings, len(body), len(plain.body))
				}
				body = c.unpacked(r)
			} else if got := r.header.Get("Content-Encoding"); got != "" {
				c.Errorf("%s, %q: it answers in %q", format, encodings, got)
			}
			if link.ReplaceAllString(body, "") != link.ReplaceAllString(plain.body, "") {
				c.Errorf("%s, %q: %d bytes unpacked are not the %d sent plain", format, encodings, len(body), len(plain.body))
			}
		}
		if got := c.curl(address); link.ReplaceAllString(got, "") != link.ReplaceAllString(plain.body, "") {
			c.Errorf("%s: curl has %d bytes instead of %d", format, len(got), len(plain.body))
		}
	}
	// What is short, and what is no success, stays as it is.
	for address, status := range map[string]int{"/users/$count": 200, "/users?$format=xml": 400, "/groups": 404} {
		if r := c.do(address, accepting("gzip")); r.status != status || r.header.Get("Content-Encoding") != "" {
			c.Errorf("%s: %d in %q", address, r.status, r.header.Get("Content-Encoding"))
		}
	}
}

// curl is what curl prints, which unpacks what it asked for by itself.
func (c *client) curl(address string) string {
	c.Helper()
	out, err := process.NewCommand(c.Context(), "curl", "--silent", "--show-error", "--fail", "--insecure", "--compressed", "--globoff",
		"--header", "Authorization: Bearer "+endpoint.Token,
		"--connect-to", "::"+strings.TrimPrefix(c.endpoint.Gateway.URL, "https://"), c.endpoint.Address(address)).Output()
	if err != nil {
		c.Fatalf("curl %s: %v", address, err)
	}
	return string(out)
}

// compressedStreams are the tests of compressed streams.
func compressedStreams(t *testing.T, bootstrap string, kind gateway.Kind) {
	for name, test := range map[string]struct {
		tenant  simulator.Config
		timeout time.Duration
		run     func(*client)
	}{
		"has room for more users, and stays flat": {simulator.Config{Users: 600_000}, 2 * time.Minute, (*client).flatCompressed},
		"sends the first user at once":            {simulator.Config{Users: 150, Bandwidth: 25_000}, time.Minute, (*client).firstCompressedUser},
		"says that a broken list is not complete": {simulator.Config{Users: 5000, Faults: []simulator.Fault{{Name: "500", Page: 4, Times: -1}}}, 3 * time.Second, (*client).brokenCompressed},
		"is not whole when Lambda ends it":        {simulator.Config{Users: 600_000}, 4 * time.Second, (*client).killed},
		"stops reading when the caller hangs up":  {simulator.Config{Users: 200_000, Latency: 20 * time.Millisecond}, 2 * time.Minute, func(c *client) { c.hangUp("gzip") }},
	} {
		t.Run(name, func(t *testing.T) {
			test.run(start(t, endpoint.Config{Bootstrap: bootstrap, Kind: kind, Tenant: test.tenant, Timeout: test.timeout}))
		})
	}
}

// zipped opens a compressed stream.
func (c *client) zipped() (io.ReadCloser, *gzip.Reader) {
	c.Helper()
	r, err := c.endpoint.Get(c.Context(), "/users?$format=ndjson", accepting("gzip"))
	if err != nil {
		c.Fatal(err)
	}
	zip, err := gzip.NewReader(r.Body)
	if err != nil {
		c.Fatalf("it answers %d in %q: %v", r.StatusCode, r.Header.Get("Content-Encoding"), err)
	}
	return r.Body, zip
}

// flatCompressed: the users are more than fit into 200 MB as they are.
func (c *client) flatCompressed() {
	body, zip := c.zipped()
	defer func() { _ = body.Close() }()
	users, last := c.readLines(zip)
	if users != 600_000 || last.Complete == nil || !*last.Complete || last.Count != users {
		c.Errorf("after %d users it closes with %+v", users, last)
	}
	c.lean()
}

func (c *client) firstCompressedUser() {
	began := time.Now()
	body, zip := c.zipped()
	defer func() { _ = body.Close() }()
	lines := bufio.NewReader(zip)
	if _, err := lines.ReadString('\n'); err != nil {
		c.Fatal(err)
	}
	first := time.Since(began)
	if _, err := io.Copy(io.Discard, lines); err != nil {
		c.Fatal(err)
	}
	if whole := time.Since(began); first > whole/2 {
		c.Errorf("the first user came after %s of %s", first, whole)
	}
}

func (c *client) brokenCompressed() {
	body, zip := c.zipped()
	defer func() { _ = body.Close() }()
	users, last := c.readLines(zip)
	if last.Complete == nil || *last.Complete || last.Error.Code != "Graph.Unavailable" || users == 0 {
		c.Errorf("after %d users it closes with %+v", users, last)
	}
	if r := c.do("/users?$select=id&$format=csv", accepting("gzip")); r.status == http.StatusOK || r.header.Get("Content-Encoding") != "" {
		c.Errorf("CSV of a broken list answers %d in %q", r.status, r.header.Get("Content-Encoding"))
	}
}

// killed reads nothing until Lambda has ended the function, which was waiting for
// the reader, and then the rest.
func (c *client) killed() {
	body, zip := c.zipped()
	defer func() { _ = body.Close() }()
	time.Sleep(5 * time.Second)
	text, err := io.ReadAll(zip)
	if err == nil || strings.Contains(string(text), "@rollcall.complete\":true") {
		c.Errorf("%d bytes of a stream that was cut unpack without an error", len(text))
	}
}
