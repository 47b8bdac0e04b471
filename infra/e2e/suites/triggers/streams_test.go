package triggers

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/gateway"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/stage"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// streams are the tests of triggers that stream.
func streams(t *testing.T, bootstrap string, kind gateway.Kind) {
	for name, test := range map[string]struct {
		tenant simulator.Config
		run    func(*play)
	}{
		"stays flat over many users":            {simulator.Config{Users: many}, (*play).flat},
		"says what is too much even for it":     {simulator.Config{Users: 600_000}, (*play).tooMuch},
		"sends the first user at once":          {simulator.Config{Users: 150, Bandwidth: 25_000}, (*play).firstUser},
		"stops reading when the caller is gone": {simulator.Config{Users: 200_000, Latency: 20 * time.Millisecond}, (*play).gone},
	} {
		t.Run(name, func(t *testing.T) {
			test.run(begin(t, stage.Config{Bootstrap: bootstrap, Kind: kind, Tenant: test.tenant, Timeout: 2 * time.Minute}))
		})
	}
}

const (
	// many users are about 100 MB, half of what can be streamed.
	many = 300_000
	// peak is what the function may take, whatever the tenant.
	peak = 64 << 20
)

func (p *play) flat() {
	users, last := p.drain("/users?$format=ndjson")
	if users != many || last.Complete == nil || !*last.Complete || last.Count != many {
		p.Errorf("after %d users it closes with %+v", users, last)
	}
	p.lean()
}

func (p *play) tooMuch() {
	users, last := p.drain("/users?$format=ndjson")
	if last.Complete == nil || *last.Complete || last.Error.Code != "Response.TooLarge" {
		p.Errorf("after %d users it closes with %+v", users, last)
	}
	if users >= 600_000 {
		p.Errorf("%d users came", users)
	}
	p.lean()
}

func caller() http.Header { return http.Header{"Authorization": {"Bearer " + stage.Token}} }

// lean checks the peak of the function's memory.
func (p *play) lean() {
	p.Helper()
	rss, err := p.stage.Host.PeakRSS()
	if err != nil {
		p.Fatal(err)
	}
	p.Logf("peak RSS %.1f MiB", float64(rss)/(1<<20))
	if rss > peak {
		p.Errorf("the function took %d MiB, more than %d", rss>>20, peak>>20)
	}
}

// drain counts the users of a stream and returns its last record.
func (p *play) drain(address string) (users int, last closing) {
	p.Helper()
	r, err := p.stage.Get(p.Context(), address, caller())
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		if users++; bytes.HasPrefix(lines.Bytes(), []byte(`{"@rollcall.`)) {
			if err := json.Unmarshal(lines.Bytes(), &last); err != nil {
				p.Fatal(err)
			}
			users--
		}
	}
	if err := lines.Err(); err != nil {
		p.Errorf("the stream breaks off: %v", err)
	}
	return users, last
}

// firstUser: the page is small, so that it would fit into a buffer, and takes
// Graph seconds to send. The first user is there long before the last.
func (p *play) firstUser() {
	began := time.Now()
	r, err := p.stage.Get(p.Context(), "/users?$format=ndjson", caller())
	if err != nil {
		p.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	lines := bufio.NewReader(r.Body)
	if _, err := lines.ReadString('\n'); err != nil {
		p.Fatal(err)
	}
	first := time.Since(began)
	if _, err := lines.WriteTo(&strings.Builder{}); err != nil {
		p.Fatal(err)
	}
	if whole := time.Since(began); first > whole/2 {
		p.Errorf("the first user came after %s of %s", first, whole)
	}
}

// gone: the caller hangs up after the first user.
func (p *play) gone() {
	r, err := p.stage.Get(p.Context(), "/users?$format=ndjson", caller())
	if err != nil {
		p.Fatal(err)
	}
	if _, err := bufio.NewReader(r.Body).ReadString('\n'); err != nil || r.StatusCode != http.StatusOK {
		p.Fatalf("the stream does not begin: %d, %v", r.StatusCode, err)
	}
	_ = r.Body.Close()
	const pages = 200_000/999 + 1
	for asked, again := -1, 0; again < 3; time.Sleep(200 * time.Millisecond) {
		if now := len(p.stage.Tenant.Requests()); now == asked {
			again++
		} else {
			asked, again = now, 0
		}
	}
	if asked := len(p.stage.Tenant.Requests()); asked >= pages {
		p.Errorf("%d requests went to the tenant, which has %d pages", asked, pages)
	} else {
		p.Logf("%d requests went to the tenant, which has %d pages", asked, pages)
	}
	// The environment is fit for the next event.
	p.want(p.get("/users/$count", ""), http.StatusOK, "")
}
