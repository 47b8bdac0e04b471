package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/api"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// divided is an API over a tenant whose list is read automatically in partitions.
type divided struct {
	handler http.Handler
	refuses bool // partitions

	mu         sync.Mutex
	partitions int // whose first page was listed
	asked      int // requests for partitions or their counts
}

func newDivided(t *testing.T) *divided {
	t.Helper()
	d := &divided{}
	tenant := simulator.New(simulator.Config{Users: 4000, Latency: 100 * time.Millisecond})
	transport := listtest.Intercept(tenant.Transport(), func(r *http.Request) *http.Response {
		filter := r.URL.Query().Get("$filter")
		if !strings.Contains(filter, "userPrincipalName") {
			return nil
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.asked++
		if d.refuses {
			return listtest.Respond(r, http.StatusBadRequest, `{"error":{"code":"Request_UnsupportedQuery","message":"no"}}`)
		}
		if listtest.IsList(r) && r.URL.Query().Get("$top") != "1" && !r.URL.Query().Has("$skiptoken") {
			d.partitions++
		}
		return nil
	})
	request := listtest.Request()
	request.PageSize, request.Parallel, request.Auto = 20, list.MaxAuto, true
	handler, err := api.New(api.Config{Directory: listtest.Client(t, tenant, graph.Config{Transport: transport}), Request: request})
	if err != nil {
		t.Fatal(err)
	}
	d.handler = handler
	return d
}

// read asks for all users, and reports in how many partitions they were listed.
func (d *divided) read(t *testing.T, target string) int {
	t.Helper()
	d.mu.Lock()
	d.partitions, d.asked = 0, 0
	d.mu.Unlock()
	w := httptest.NewRecorder()
	d.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example"+target, http.NoBody))
	if w.Code != http.StatusOK || strings.Count(w.Body.String(), "\n") != 4001 {
		t.Fatalf("%s: %d, %d lines", target, w.Code, strings.Count(w.Body.String(), "\n"))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.partitions
}

func TestAStreamIsReadInAFewPartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDivided(t)
		for target, want := range map[string]bool{
			"/users?$format=ndjson": true, "/users?$format=csv": true, "/users?$format=ndjson&$orderby=displayName": false,
		} {
			if n := d.read(t, target); n > 4 || (n > 1) != want {
				t.Errorf("%s: %d partitions", target, n)
			}
		}
	})
}

func TestOnlyACallerWhoIsAloneGetsPartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDivided(t)
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				w := httptest.NewRecorder()
				d.handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.example/users?$format=ndjson", http.NoBody))
				if n := strings.Count(w.Body.String(), "\n"); n != 4001 {
					t.Errorf("%d lines", n)
				}
			})
		}
		all.Wait()
		if n := d.partitions; n < 2 || n > 4 {
			t.Errorf("five callers got %d partitions", n)
		}
		if n := d.read(t, "/users?$format=ndjson"); n < 2 {
			t.Errorf("the next caller gets %d", n)
		}
	})
}

func TestTheNextCallerIsNotMadeToFindOutThatGraphRefusesPartitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDivided(t)
		d.refuses = true
		for _, c := range []struct {
			target string
			asks   bool
		}{{"/users?$format=ndjson", true}, {"/users?$format=ndjson", false}, {"/users?$format=csv", false}} {
			if n := d.read(t, c.target); n != 0 || (d.asked > 0) != c.asks {
				t.Errorf("%s: %d partitions, %d requests for them", c.target, n, d.asked)
			}
		}
	})
}
