package azure_test

import (
	"bufio"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// open sends a request of a caller with a key and returns the body of its answer, unread.
func (d *deployment) open(path string) io.Reader {
	d.Helper()
	request, err := http.NewRequestWithContext(d.Context(), http.MethodGet, d.front.URL+"/api"+path, nil)
	if err != nil {
		d.Fatal(err)
	}
	request.Header = keyed()
	r, err := d.client.Do(request)
	if err != nil {
		d.Fatal(err)
	}
	d.Cleanup(func() { _ = r.Body.Close() })
	if r.StatusCode != http.StatusOK {
		d.Fatalf("%s: %s", path, r.Status)
	}
	return r.Body
}

// gate is a tenant whose second page waits until the first users have arrived.
func gate(users int) (cfg simulator.Config, open func()) {
	gate, once := make(chan struct{}), sync.Once{}
	cfg = simulator.Config{Users: users, OnPage: func(page int) {
		if page == 2 {
			select {
			case <-gate:
			case <-time.After(20 * time.Second):
			}
		}
	}}
	return cfg, func() { once.Do(func() { close(gate) }) }
}

// TestAProxiedAnswerStreams gets the first users before the tenant has given the others.
func TestAProxiedAnswerStreams(t *testing.T) {
	t.Parallel()
	const users = 300
	cfg, open := gate(users)
	defer open()
	d := deploy(t, cfg, "ROLLCALL_PAGE_SIZE=100", "ROLLCALL_PARALLEL=1")
	lines := bufio.NewReader(d.open("/users?$format=ndjson"))
	began := time.Now()
	first, err := lines.ReadString('\n')
	if err != nil || time.Since(began) > 15*time.Second {
		t.Fatalf("the first user came after %s: %v", time.Since(began), err)
	}
	open()
	rest, err := io.ReadAll(lines)
	if seen, last := d.lines(first + string(rest)); err != nil || len(seen) != users || last.Complete == nil || !*last.Complete {
		t.Errorf("%d users, %+v, %v", len(seen), last, err)
	}
}

// TestAnAnswerThatBreaksOffIsNeverWhole has a tenant whose pages break, again and again.
func TestAnAnswerThatBreaksOffIsNeverWhole(t *testing.T) {
	faults := []simulator.Fault{{Name: "truncate", Page: 2, Times: -1}}
	inEveryMode(t, simulator.Config{Users: 5000, Faults: faults}, []string{"ROLLCALL_PARALLEL=1", timeout("00:00:04")}, func(d *deployment, m mode) {
		r := d.get("/users?$format=ndjson")
		seen, last := d.lines(r.body)
		if last.Complete != nil && *last.Complete || len(seen) == 5000 {
			d.Errorf("NDJSON: %d: %d users, %+v", r.status, len(seen), last)
		}
		if m.streams && (r.status != http.StatusOK || last.Complete == nil || last.Error.Code != "Graph.Unavailable" || len(seen) == 0) {
			d.Errorf("NDJSON: %d: %d users, %+v", r.status, len(seen), last)
		}
		if r := d.get("/users?$format=csv"); r.status < 500 {
			d.Errorf("CSV: %d %.200s", r.status, r.body)
		}
	})
}

// TestAPageThatBreaksOffIsNeverWhole has the only page of an answer break.
func TestAPageThatBreaksOffIsNeverWhole(t *testing.T) {
	faults := []simulator.Fault{{Name: "truncate", Times: -1}}
	inEveryMode(t, simulator.Config{Users: 500, Faults: faults}, []string{timeout("00:00:04")}, func(d *deployment, _ mode) {
		if r := d.get("/users?$top=400"); r.broken == nil && r.status < 500 || strings.HasSuffix(r.body, "]}") {
			d.Errorf("%d %v ...%s", r.status, r.broken, r.body[max(0, len(r.body)-100):])
		}
	})
}

// TestAHandlerKilledWhileItStreams breaks the connection of the caller, and answers the next.
func TestAHandlerKilledWhileItStreams(t *testing.T) {
	t.Parallel()
	cfg, open := gate(300)
	defer open()
	d := deploy(t, cfg, "ROLLCALL_PAGE_SIZE=100", "ROLLCALL_PARALLEL=1")
	for _, format := range []string{"ndjson", "ndjson&$select=id"} {
		lines := bufio.NewReader(d.open("/users?$format=" + format))
		first, err := lines.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		d.host().Kill()
		rest, err := io.ReadAll(lines)
		if seen, last := d.lines(first + string(rest)); err == nil || last.Complete != nil || len(seen) == 0 || len(seen) == 300 {
			t.Errorf("%d users, %+v, %v", len(seen), last, err)
		}
		if r := d.get("/users?$top=10"); r.status != http.StatusOK {
			t.Errorf("the next request: %d %.200s", r.status, r.body)
		}
	}
	open()
	if seen, last := d.lines(d.get("/users?$format=ndjson").body); len(seen) != 300 || last.Complete == nil || !*last.Complete {
		t.Errorf("%d users, %+v", len(seen), last)
	}
}

// TestAHandlerKilledWhileItAnswers leaves nothing of the answer where none was sent on.
func TestAHandlerKilledWhileItAnswers(t *testing.T) {
	for _, m := range modes() {
		if m.streams {
			continue // see above
		}
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			cfg, open := gate(300)
			defer open()
			d := deploy(t, cfg, append(m.settings, "ROLLCALL_PAGE_SIZE=100", "ROLLCALL_PARALLEL=1")...)
			answer := make(chan response, 1)
			go func() { answer <- d.get("/users?$format=ndjson") }()
			d.until("it reads the second page", func() bool {
				return slices.ContainsFunc(d.tenant.Requests(), func(r simulator.Request) bool { return r.Page == 1 && r.Status == http.StatusOK })
			})
			d.host().Kill()
			if r := <-answer; r.status < 500 || r.body != "" {
				t.Errorf("%d %v %.200s", r.status, r.broken, r.body)
			}
			open()
			if r := d.get("/users?$top=10"); r.status != http.StatusOK {
				t.Errorf("the next request: %d %.200s", r.status, r.body)
			}
		})
	}
}

// TestAStreamStaysFlat reads many users within the memory of the smallest instance.
func TestAStreamStaysFlat(t *testing.T) {
	t.Parallel()
	const users, peak = 100_000, 64 << 20
	d := deploy(t, simulator.Config{Users: users})
	n, complete := 0, false
	for lines := bufio.NewScanner(d.open("/users?$format=ndjson")); lines.Scan(); n++ {
		complete = strings.HasPrefix(lines.Text(), `{"@rollcall.complete":true`)
	}
	rss, err := d.host().PeakRSS()
	if err != nil || n != users+1 || !complete || rss > peak {
		t.Errorf("%d lines, complete: %v; the handler took %d MiB, %v", n, complete, rss>>20, err)
	}
	t.Logf("peak RSS %.1f MiB", float64(rss)/(1<<20))
}

// TestWhatIsTooLargeForAnEnvelopeIsRefused as on Lambda, where as much is buffered.
func TestWhatIsTooLargeForAnEnvelopeIsRefused(t *testing.T) {
	inEveryMode(t, simulator.Config{Users: 40_000}, nil, func(d *deployment, m mode) {
		for _, format := range []string{"ndjson", "csv"} {
			r := d.get("/users?$format=" + format)
			if m.name != "enveloped" {
				if r.status != http.StatusOK || r.broken != nil || strings.Count(r.body, "\n") < 40_000 {
					d.Errorf("%s: %d %v %d bytes", format, r.status, r.broken, len(r.body))
				}
				continue
			}
			if r.status != http.StatusRequestEntityTooLarge || !strings.Contains(r.body, "Response.TooLarge") || !strings.Contains(r.body, "enableProxyingHttpRequest") {
				d.Errorf("%s: %d %.300s", format, r.status, r.body)
			}
		}
	})
}
