package snapshot_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// TestThatGraphRefusesPartitionsIsRememberedForTheNextRuns of the same list, for a month.
func TestThatGraphRefusesPartitionsIsRememberedForTheNextRuns(t *testing.T) {
	for _, path := range []string{"/users", "/users/$count"} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, simulator.Config{Users: 500, TokenLifetime: noLimit})
				f.request.PageSize, f.request.Parallel, f.request.Auto = 5, list.MaxAuto, true
				refuses := true
				var asked atomic.Int64 // partitions are read at the same time
				f.setTransport(t, listtest.Intercept(f.tenant.Transport(), func(r *http.Request) *http.Response {
					if !strings.HasSuffix(r.URL.Path, "/users") && !strings.HasSuffix(r.URL.Path, "/users/$count") || !strings.Contains(r.URL.Query().Get("$filter"), "userPrincipalName") {
						return nil
					}
					asked.Add(1)
					if !refuses || !strings.HasSuffix(r.URL.Path, path) {
						return nil
					}
					return listtest.Respond(r, http.StatusBadRequest, `{"error":{"code":"Request_UnsupportedQuery","message":"no"}}`)
				}))
				day := 24 * time.Hour
				for _, c := range []struct {
					run    string
					after  time.Duration
					change func()
					asks   bool
				}{
					{run: "first", asks: true},
					{run: "next", after: day},
					{run: "a-fortnight-later", after: 14 * day},
					{run: "other-columns", after: time.Hour, change: func() { f.request.Columns = listtest.Columns("id", "displayName") }, asks: true},
					{run: "the-same-columns", after: time.Hour},
					{run: "another-filter", after: time.Hour, change: func() { f.request.Filter = "accountEnabled eq true" }, asks: true},
					{run: "the-same-filter", after: time.Hour},
					{run: "a-month-later", after: 30 * day, asks: true},
					{run: "after-that", after: 29 * day},
					{run: "not-refused", after: 2 * day, change: func() { refuses = false }, asks: true},
					{run: "divided", after: day, asks: true},
					{run: "one-chain-by-configuration", after: day, change: func() { f.request.Parallel, f.request.Auto = 1, false }},
				} {
					time.Sleep(c.after)
					if c.change != nil {
						c.change()
					}
					asked.Store(0)
					f.publish(t, c.run)
					if (asked.Load() > 0) != c.asks {
						t.Errorf("run %s: %d requests for partitions, want some: %t", c.run, asked.Load(), c.asks)
					}
				}
			})
		})
	}
}
