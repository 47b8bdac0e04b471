package graph_test

import (
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// watched is a transport that knows which exchanges are still open: those whose
// body was not closed or whose context was not ended.
type watched struct {
	under http.RoundTripper
	mu    sync.Mutex
	open  map[io.ReadCloser]bool
	asked []context.Context
}

func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	if r.URL.Host == "graph.microsoft.com" {
		w.asked = append(w.asked, r.Context())
	}
	w.mu.Unlock()
	resp, err := w.under.RoundTrip(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		resp.Body = &watchedBody{ReadCloser: resp.Body, of: w}
		w.open[resp.Body] = true
	}
	return resp, err
}

type watchedBody struct {
	io.ReadCloser
	of *watched
}

func (b *watchedBody) Close() error {
	b.of.mu.Lock()
	delete(b.of.open, b)
	b.of.mu.Unlock()
	return b.ReadCloser.Close()
}

func (w *watched) leftOver() (bodies, contexts int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ctx := range w.asked {
		if ctx.Err() == nil {
			contexts++
		}
	}
	return len(w.open), contexts
}

// readUntil reads a pager up to a number of users; whole says that the page in
// which it stops is read to its end first.
func readUntil(ctx context.Context, pager *graph.Pager, users int, whole bool) {
	n := 0
	for page, err := range pager.Pages(ctx) {
		if err != nil || n >= users {
			return
		}
		for _, err := range page.Users() {
			if n++; err != nil || n >= users && !whole {
				return
			}
		}
		if n >= users {
			return
		}
	}
}

func TestNoExchangeIsLeftOpenHoweverAListEnds(t *testing.T) {
	const everyone = 1_000_000
	for name, c := range map[string]struct {
		faults []string
		users  int
		whole  bool
	}{
		"read to its end":                     {nil, everyone, false},
		"stopped within a page":               {nil, 150, false},
		"stopped behind a page":               {nil, 200, true},
		"stopped before the link has come":    {[]string{"link-after-value"}, 150, false},
		"stopped while the next page is slow": {[]string{"stall-headers:3"}, 150, false},
		"stopped before a page is read":       {nil, 0, false},
		"a body that broke and was reread":    {[]string{"reset:3", "truncate-clean:4", "stall:5"}, everyone, false},
		"a body that broke for ever":          {[]string{"reset:3x*"}, everyone, false},
		"a page refused":                      {[]string{"403:3"}, everyone, false},
		"a circle":                            {[]string{"loop:3"}, everyone, false},
		"a link that leads elsewhere":         {[]string{"foreign-host:3"}, everyone, false},
		"back to a page before a retry":       {[]string{"poisoned-token:3"}, everyone, false},
		"a token replaced":                    {[]string{"401:2", "cae:3"}, everyone, false},
		"throttled":                           {[]string{"429-seconds:2", "503:3", "502-html:4"}, everyone, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tenant := simulator.New(simulator.Config{Users: 600, Latency: 50 * time.Millisecond})
				for _, f := range c.faults {
					tenant.AddFault(fault(t, f))
				}
				transport := &watched{under: tenant.Transport(), open: map[io.ReadCloser]bool{}}
				readUntil(t.Context(), newClient(t, tenant, transport).Pager(graph.Query{Top: 100}), c.users, c.whole)
				synctest.Wait() // what is still under way has been sent by now
				if bodies, contexts := transport.leftOver(); bodies > 0 || contexts > 0 {
					t.Errorf("of %d exchanges, %d bodies were not closed and %d contexts not ended", len(transport.asked), bodies, contexts)
				}
			})
		})
	}
}

func TestNoExchangeIsLeftOpenBySingleReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 600, Faults: []simulator.Fault{fault(t, "503@graph")}})
		transport := &watched{under: tenant.Transport(), open: map[io.ReadCloser]bool{}}
		client := newClient(t, tenant, transport)
		if _, err := client.Count(t.Context(), graph.Query{}, new(graph.Stats)); err != nil {
			t.Fatal(err)
		}
		if _, err := client.User(t.Context(), tenant.ID(3), graph.Query{}); err != nil {
			t.Fatal(err)
		}
		page, err := client.Page(t.Context(), graph.Query{Top: 10}, "")
		if err != nil {
			t.Fatal(err)
		}
		page.Close()
		synctest.Wait()
		if bodies, contexts := transport.leftOver(); bodies > 0 || contexts > 0 {
			t.Errorf("%d bodies were not closed and %d contexts not ended", bodies, contexts)
		}
	})
}

func TestAReaderThatStopsEndsTheRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 100_000})
		client := newClient(t, tenant, tenant.Transport())
		for page, err := range client.Pager(graph.Query{Top: 100}).Pages(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			for _, err := range page.Users() {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			break
		}
		synctest.Wait()
		asked := len(tenant.Requests())
		time.Sleep(time.Hour)
		if later := len(tenant.Requests()); later != asked || asked > 4 {
			t.Errorf("%d requests when the reader stopped, %d an hour later", asked, later)
		}
	})
}

func TestAReaderThatPanicsLeavesNoRequestRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 1000, Latency: time.Second})
		client := newClient(t, tenant, tenant.Transport())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		func() {
			defer func() { _ = recover() }()
			for page, err := range client.Pager(graph.Query{Top: 100}).Pages(ctx) {
				if err != nil {
					t.Fatal(err)
				}
				for _, err := range page.Users() {
					panic(err)
				}
			}
		}()
		synctest.Wait() // what was under way at the cancellation may still arrive
		before := len(tenant.Requests())
		time.Sleep(time.Minute)
		if n := len(tenant.Requests()); n != before {
			t.Errorf("%d requests then, %d later", before, n)
		}
	})
}

func TestAReaderThatStopsDoesNotWaitForThePrefetchedPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 600, Faults: []simulator.Fault{fault(t, "stall-headers:2")}})
		client := newClient(t, tenant, tenant.Transport())
		started := time.Now()
		readUntil(t.Context(), client.Pager(graph.Query{Top: 100}), 50, false)
		if took := time.Since(started); took > time.Second {
			t.Errorf("it took %v to stop", took)
		}
	})
}
