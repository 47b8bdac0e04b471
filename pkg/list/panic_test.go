package list_test

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/crash"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// TestAPanicInAnyGoroutineIsAnError has each request panic in turn: prefetched pages, pages
// of partitions, and counts for bounds.
func TestAPanicInAnyGoroutineIsAnError(t *testing.T) {
	for _, parallel := range []int{1, 4} {
		broken := 0
		for done := false; !done; broken++ {
			synctest.Test(t, func(t *testing.T) {
				tenant := simulator.New(simulator.Config{Users: 1200, Latency: 50 * time.Millisecond})
				var requests atomic.Int64
				var abandoned atomic.Bool
				client := listtest.Client(t, tenant, graph.Config{Transport: listtest.Intercept(tenant.Transport(), func(r *http.Request) *http.Response {
					if r.URL.Host == "graph.microsoft.com" && int(requests.Add(1)) == broken+1 {
						// The one chain asks ahead for its second page in the moment in which the partitions replace it: nobody waits for that page.
						query := r.URL.Query()
						abandoned.Store(parallel > 1 && query.Has("$skiptoken") && !query.Has("$filter"))
						panic("kim@contoso.com")
					}
					return nil
				})})
				l := list.New(client, listtest.Parallel(parallel), nil)
				err := drain(t, l)
				if done = int(requests.Load()) <= broken; done {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if !errors.As(err, new(*crash.Error)) && (err != nil || !abandoned.Load()) {
					t.Errorf("%d partitions, request %d: %v", parallel, broken+1, err)
				}
			})
		}
		if broken < 10 {
			t.Errorf("only %d requests", broken)
		}
	}
}

// drain reads the list; a panic in the caller's own goroutine is an error as well.
func drain(t *testing.T, l *list.List) (err error) {
	defer crash.Recover(&err)
	for _, err := range l.Users(t.Context()) {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestAPanicInAReaderOfAPartitionEndsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPartitioned(t, simulator.Config{Users: 3000, Latency: 50 * time.Millisecond})
		var pages atomic.Int64
		l.Pause = func(time.Duration) bool {
			if pages.Add(1) == 5 {
				panic("kim@contoso.com")
			}
			return false
		}
		if err := drain(t, l); !errors.As(err, new(*crash.Error)) {
			t.Error(err)
		}
	})
}
