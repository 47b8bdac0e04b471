package triggers_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// streams are the tests of triggers that stream.
func streams(t *testing.T, bootstrap string, kind gateway.Kind) {
	for name, test := range map[string]struct {
		tenant simulator.Config
		run    func(*client)
	}{
		"stays flat over many users":             {simulator.Config{Users: many}, (*client).flat},
		"says what is too much even for it":      {simulator.Config{Users: 600_000}, (*client).tooMuch},
		"sends the first user at once":           {simulator.Config{Users: 150, Bandwidth: 25_000}, (*client).firstUser},
		"stops reading when the caller hangs up": {simulator.Config{Users: 200_000, Latency: 20 * time.Millisecond}, func(c *client) { c.hangUp("identity") }},
	} {
		t.Run(name, func(t *testing.T) {
			test.run(start(t, endpoint.Config{Bootstrap: bootstrap, Kind: kind, Tenant: test.tenant, Timeout: 2 * time.Minute}))
		})
	}
}

const (
	// many users are about 100 MB, half of what can be streamed.
	many = 300_000
	// peak is what the function may take, whatever the tenant.
	peak = 64 << 20
)

func (c *client) flat() {
	users, last := c.drain("/users?$format=ndjson")
	if users != many || last.Complete == nil || !*last.Complete || last.Count != many {
		c.Errorf("after %d users it closes with %+v", users, last)
	}
	c.lean()
}

func (c *client) tooMuch() {
	users, last := c.drain("/users?$format=ndjson")
	if last.Complete == nil || *last.Complete || last.Error.Code != "Response.TooLarge" || !strings.Contains(last.Error.Message, "Accept-Encoding: gzip") {
		c.Errorf("after %d users it closes with %+v", users, last)
	}
	if users >= 600_000 {
		c.Errorf("%d users came", users)
	}
	c.lean()
}

func caller() http.Header { return http.Header{"Authorization": {"Bearer " + endpoint.Token}} }

// lean checks the peak of the function's memory.
func (c *client) lean() {
	c.Helper()
	rss, err := c.endpoint.Host.PeakRSS()
	if err != nil {
		c.Fatal(err)
	}
	c.Logf("peak RSS %.1f MiB", float64(rss)/(1<<20))
	if rss > peak {
		c.Errorf("the function took %d MiB, more than %d", rss>>20, peak>>20)
	}
}

// drain counts the users of a stream and returns its last record.
func (c *client) drain(address string) (users int, last closing) {
	c.Helper()
	r, err := c.endpoint.Get(c.Context(), address, caller())
	if err != nil {
		c.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	return c.readLines(r.Body)
}

// readLines counts the users of NDJSON and returns its last record.
func (c *client) readLines(body io.Reader) (users int, last closing) {
	c.Helper()
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		if users++; bytes.HasPrefix(lines.Bytes(), []byte(`{"@rollcall.`)) {
			if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
				c.Fatal(err)
			}
			users--
		}
	}
	if err := lines.Err(); err != nil {
		c.Errorf("the stream breaks off: %v", err)
	}
	return users, last
}

// firstUser: the page is small, so that it would fit into a buffer, and takes
// Graph seconds to send. The first user arrives long before the last.
func (c *client) firstUser() {
	began := time.Now()
	r, err := c.endpoint.Get(c.Context(), "/users?$format=ndjson", caller())
	if err != nil {
		c.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	lines := bufio.NewReader(r.Body)
	if _, err := lines.ReadString('\n'); err != nil {
		c.Fatal(err)
	}
	first := time.Since(began)
	if _, err := lines.WriteTo(&strings.Builder{}); err != nil {
		c.Fatal(err)
	}
	if whole := time.Since(began); first > whole/2 {
		c.Errorf("the first user came after %s of %s", first, whole)
	}
}

// hangUp closes the connection after the first user, whom 100 bytes are of.
func (c *client) hangUp(encoding string) {
	r, err := c.endpoint.Get(c.Context(), "/users?$format=ndjson", accepting(encoding))
	if err != nil {
		c.Fatal(err)
	}
	if _, err := io.ReadFull(r.Body, make([]byte, 100)); err != nil || r.StatusCode != http.StatusOK {
		c.Fatalf("the stream does not begin: %d, %v", r.StatusCode, err)
	}
	_ = r.Body.Close()
	const pages = 200_000/999 + 1
	for asked, unchanged := -1, 0; unchanged < 3; time.Sleep(200 * time.Millisecond) {
		if now := len(c.endpoint.Tenant.Requests()); now == asked {
			unchanged++
		} else {
			asked, unchanged = now, 0
		}
	}
	if asked := len(c.endpoint.Tenant.Requests()); asked >= pages {
		c.Errorf("%d requests went to the tenant, which has %d pages", asked, pages)
	} else {
		c.Logf("%d requests went to the tenant, which has %d pages", asked, pages)
	}
	// The function answers the next event.
	c.want(c.get("/users/$count", ""), http.StatusOK, "")
}
