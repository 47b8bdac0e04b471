package list_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// once calls change with the first request for that page of a list.
func once(at int, change func(tenant *simulator.Tenant)) func(tenant *simulator.Tenant, page int) {
	done := false
	return func(tenant *simulator.Tenant, page int) {
		if page == at && !done {
			done = true
			change(tenant)
		}
	}
}

func TestNobodyWhoWasThereThroughoutIsMissed(t *testing.T) {
	ok := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		change func(t *testing.T, tenant *simulator.Tenant) // at page 5 of 10
		faults []string
		users  int // delivered, of 1,000
		left   int
	}{
		"renamed from an unread part to a read one while somebody leaves": {change: func(t *testing.T, tenant *simulator.Tenant) {
			t.Helper()
			ok(t, tenant.Rename(900, "aa.aa@contoso.example"))
			ok(t, tenant.Delete(20))
		}, users: 1000, left: 1},
		"as many renamed as leave and join": {change: func(t *testing.T, tenant *simulator.Tenant) {
			t.Helper()
			for i := range 40 {
				ok(t, tenant.Rename(900+i, fmt.Sprintf("aa.a%d@contoso.example", i)))
				ok(t, tenant.Delete(i))
				tenant.Create()
			}
		}, users: 1040, left: 40},
		"deleted and restored": {change: func(t *testing.T, tenant *simulator.Tenant) {
			t.Helper()
			ok(t, tenant.Delete(20))
			ok(t, tenant.Restore(20))
			ok(t, tenant.Delete(950))
			ok(t, tenant.Restore(950))
		}, users: 1000},
		"created, and gone at once": {change: func(t *testing.T, tenant *simulator.Tenant) {
			t.Helper()
			ok(t, tenant.Delete(tenant.Create()))
		}, users: 1000},
		"deleted for good": {change: func(t *testing.T, tenant *simulator.Tenant) {
			t.Helper()
			ok(t, tenant.Delete(20))
			ok(t, tenant.Purge(20))
		}, users: 1000, left: 1},
		"changes that show late": {change: func(t *testing.T, tenant *simulator.Tenant) {
			t.Helper()
			ok(t, tenant.Rename(900, "aa.aa@contoso.example"))
			ok(t, tenant.Delete(20))
		}, faults: []string{"delta-lag"}, users: 1000, left: 1},
		"changes that come twice, and older ones again": {change: func(t *testing.T, tenant *simulator.Tenant) {
			t.Helper()
			ok(t, tenant.Delete(20))
			ok(t, tenant.Restore(20))
			ok(t, tenant.Rename(900, "aa.aa@contoso.example"))
		}, faults: []string{"delta-duplicate", "delta-replay"}, users: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := readChanging(t, simulator.Config{Users: 1000, Faults: listtest.Faults(t, c.faults...)}, once(5, func(tenant *simulator.Tenant) { c.change(t, tenant) }))
				if r.err != nil || r.report.VerifiedBy != list.ByCount || !r.report.Fenced || r.report.Passes != 1 {
					t.Fatalf("%v, %+v", r.err, r.report)
				}
				if len(r.ids) != c.users || r.report.Left != c.left {
					t.Errorf("%d users, %d left; want %d and %d", len(r.ids), r.report.Left, c.users, c.left)
				}
				for i := range 1000 + 40 {
					if _, exists := r.tenant.Index(r.tenant.ID(i)); exists && r.ids[r.tenant.ID(i)] == 0 {
						t.Errorf("user %d is missing", i)
					}
				}
				if (c.left > 0) != (len(r.report.Warnings) == 1) {
					t.Errorf("warnings %v", r.report.Warnings)
				}
			})
		})
	}
}

func TestALostPageIsNotMadeUpForByThoseWhoJoin(t *testing.T) {
	for _, fault := range []string{"early-end:10", "lost-page:7"} {
		synctest.Test(t, func(t *testing.T) {
			r := readChanging(t, simulator.Config{Users: 905, Faults: listtest.Faults(t, fault)}, once(5, func(tenant *simulator.Tenant) {
				for range 30 {
					tenant.Create()
				}
			}))
			if r.err == nil && len(r.ids) != 935 {
				t.Errorf("%s: %d of 935 users look like a complete list: %+v", fault, len(r.ids), r.report)
			}
		})
	}
}

func TestAFilteredListIsFencedByWhatMatchesAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.Filter = "startswith(userPrincipalName,'aa.')"
		var tenant *simulator.Tenant
		changed := false
		cfg := simulator.Config{Users: 2000, OnPage: func(int) {
			if changed {
				return
			}
			changed = true
			for i := range 250 { // they begin to match, more than a page of them
				if err := tenant.Rename(i, fmt.Sprintf("aa.%03d@contoso.example", i)); err != nil {
					t.Error(err)
				}
			}
		}}
		tenant = simulator.New(cfg)
		for i := range 100 {
			if err := tenant.Rename(1000+i, fmt.Sprintf("aa.old%03d@contoso.example", i)); err != nil {
				t.Fatal(err)
			}
		}
		r := readTenant(t, t.Context(), tenant, q)
		if r.err != nil || !r.report.Verified || len(r.ids) != 350 {
			t.Errorf("%v, %+v", r.err, r.report)
		}
	})
}

func TestAUserWhoCeasesToMatchTheFilterHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.Filter = "startswith(userPrincipalName,'aa.')"
		var tenant *simulator.Tenant
		cfg := simulator.Config{Users: 500}
		cfg.OnPage = func(page int) {
			if page == 2 {
				_ = tenant.Rename(0, "zz.zz@contoso.example")
			}
		}
		tenant = simulator.New(cfg)
		for i := range 150 {
			if err := tenant.Rename(i, fmt.Sprintf("aa.%03d@contoso.example", i)); err != nil {
				t.Fatal(err)
			}
		}
		r := readTenant(t, t.Context(), tenant, q)
		if r.err != nil || !r.report.Verified || len(r.ids) != 150 || r.report.Left != 1 {
			t.Errorf("%v, %+v", r.err, r.report)
		}
	})
}

func TestAFenceThatIsLostMeansANewPass(t *testing.T) {
	for _, fault := range []string{"delta-expired", "delta-reset", "delta-page-expired"} {
		t.Run(fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := readChanging(t, simulator.Config{Users: 1000, Faults: listtest.Faults(t, fault)}, once(5, func(tenant *simulator.Tenant) { tenant.Create() }))
				r.wantComplete(t, 1001)
				if r.report.Passes < 2 || !r.report.Fenced || r.report.VerifiedBy != list.ByCount {
					t.Errorf("%+v", r.report)
				}
			})
		})
	}
}

func TestALostPageIsNotMadeUpForByThoseWhoLeaveOrJoinAroundTheCount(t *testing.T) {
	for name, change := range map[string]func(tenant *simulator.Tenant, i int){
		"they leave just before it is taken": func(tenant *simulator.Tenant, i int) { _ = tenant.Delete(i) },
		"they join just after it was taken":  func(tenant *simulator.Tenant, _ int) { tenant.Create() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var tenant *simulator.Tenant
				changed := false
				cfg := simulator.Config{Users: 905, Faults: listtest.Faults(t, "early-end:9"), Count: func(request, truth int) int {
					if request != 2 || changed {
						return truth
					}
					changed = true
					for i := range 5 { // the last page has five users
						change(tenant, i)
					}
					if strings.Contains(name, "before") {
						return truth - 5
					}
					return truth
				}}
				tenant = simulator.New(cfg)
				ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second) // too little to wait for anything
				defer cancel()
				r := readTenant(t, ctx, tenant, listtest.Request())
				if r.err == nil && (len(r.ids) < 905 || r.report.Left != len(r.ids)-tenant.Users()) {
					t.Errorf("%d users look like a complete list: %+v", len(r.ids), r.report)
				}
			})
		})
	}
}

func TestATenantThatNeverRestsIsVerifiedByASecondReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tenant *simulator.Tenant
		tenant = simulator.New(simulator.Config{Users: 500, Count: func(request, truth int) int {
			if request > 1 { // somebody joins after every count
				tenant.Create()
			}
			return truth
		}})
		r := readTenant(t, t.Context(), tenant, listtest.Request())
		r.wantComplete(t, tenant.Users())
		if r.report.VerifiedBy != list.BySecondReading || r.report.Passes != 2 {
			t.Errorf("%+v", r.report)
		}
	})
}

func TestAUserWhoIsRestoredBetweenTwoCountsHasNotLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tenant *simulator.Tenant
		cfg := simulator.Config{Users: 500, Count: func(request, truth int) int {
			if request == 2 { // the leaver is known, and the count says that he is still there
				defer func() {
					if err := tenant.Restore(20); err != nil {
						t.Error(err)
					}
				}()
				return truth + 1
			}
			return truth
		}}
		cfg.OnPage = func(page int) {
			if page == 4 {
				_ = tenant.Delete(20)
			}
		}
		tenant = simulator.New(cfg)
		r := readTenant(t, t.Context(), tenant, listtest.Request())
		r.wantComplete(t, 500)
		if r.report.Left != 0 || r.report.VerifiedBy != list.ByCount || r.report.Passes != 1 {
			t.Errorf("%+v", r.report)
		}
	})
}

func TestASecondReadingMayFindOnlyThoseWhoHaveJoined(t *testing.T) {
	for name, c := range map[string]struct {
		fault string
		joins int // during the second reading
		fails bool
	}{
		"the same users":                      {},
		"users who have joined meanwhile":     {joins: 3},
		"users whom the first one had missed": {fault: "lost-page:3x1", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := simulator.Config{Users: 500, Count: lag(+7)}
				if c.fault != "" {
					cfg.Faults = listtest.Faults(t, c.fault)
				}
				passes := 0
				r := readChanging(t, cfg, func(tenant *simulator.Tenant, page int) {
					if page == 1 {
						passes++
					}
					for page == 2 && passes == 2 && c.joins > 0 {
						tenant.Create()
						c.joins--
					}
				})
				if c.fails {
					r.wantError(t, "Snapshot.Incomplete")
				} else if r.err != nil || r.report.VerifiedBy != list.BySecondReading {
					t.Errorf("%v, %+v", r.err, r.report)
				}
			})
		})
	}
}

func TestAQuietTenantCostsThreeDeltaRequestsAndTwoCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := read(t, t.Context(), simulator.Config{Users: 1000}, listtest.Request())
		kinds := map[string]int{}
		for _, q := range r.tenant.Requests() {
			kinds[q.Kind]++
		}
		if kinds["list"] != 10 || kinds["delta"] != 3 || kinds["count"] != 2 || r.took != 0 {
			t.Errorf("%v after %v", kinds, r.took)
		}
	})
}

func TestChangedUsersAreReadManyAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := readChanging(t, simulator.Config{Users: 1000}, once(9, func(tenant *simulator.Tenant) {
			for i := range 150 {
				_ = tenant.Rename(800+i, fmt.Sprintf("aa.%03d@contoso.example", i))
			}
		}))
		r.wantComplete(t, 1000)
		reads := 0
		for _, q := range r.tenant.Requests() {
			if q.Kind == "list" {
				reads++
			}
		}
		if reads > 10+10 {
			t.Errorf("%d requests for 10 pages and at most 150 changed users", reads)
		}
	})
}

func TestAUserWhoWasNotAskedForIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tenant *simulator.Tenant
		cfg := simulator.Config{Users: 300, OnPage: func(page int) {
			if page == 2 {
				tenant.Create()
			}
		}}
		tenant = simulator.New(cfg)
		client := listtest.Client(t, tenant, graph.Config{Attempts: 2, Transport: listtest.Intercept(tenant.Transport(), func(r *http.Request) *http.Response {
			if !strings.Contains(r.URL.Query().Get("$filter"), "id in (") {
				return nil
			}
			return listtest.Respond(r, http.StatusOK, `{"value":[{"id":"99999999-0000-4000-8000-000000000001"}]}`)
		})})
		q := listtest.Request()
		q.PageSize = 100
		delivered := 0
		var last error
		// The user joins at the end, so the list itself contains everyone; only another's
		// change has the fence read by id.
		tenant.AddFault(listtest.Faults(t, "lost-page:3")[0])
		for _, err := range list.New(client, q, nil).Users(t.Context()) {
			if last = err; err == nil {
				delivered++
			}
		}
		if last == nil || failure.Of(last).Name != "Graph.Unavailable" {
			t.Errorf("%d users, %v", delivered, last)
		}
	})
}

// TestAListInSlicesIsFencedFromItsFirstSlice has users come, go and be renamed between
// the slices.
func TestAListInSlicesIsFencedFromItsFirstSlice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 2000})
		s := &sliced{client: listtest.Client(t, tenant, graph.Config{}), request: listtest.Request(), state: list.NewState(listtest.Request()), delivered: map[list.ID]int{}}
		for {
			err := s.read(t, 3)
			if err == nil {
				break
			}
			if !errors.Is(err, list.ErrPaused) {
				t.Fatal(err)
			}
			n := s.slices
			if e := tenant.Rename(1990-n, fmt.Sprintf("aa.%02d@contoso.example", n)); e != nil {
				t.Fatal(e)
			}
			if e := tenant.Delete(n); e != nil {
				t.Fatal(e)
			}
			tenant.Create()
			time.Sleep(time.Minute)
		}
		r := s.last.Report()
		if s.slices < 5 || !r.Verified || !r.Fenced || r.Left != s.slices-1 {
			t.Errorf("%d slices: %+v", s.slices, r)
		}
		for i := range tenant.Config().Users {
			if _, exists := tenant.Index(tenant.ID(i)); exists && s.delivered[list.NewID([]byte(tenant.ID(i)))] != 1 {
				t.Errorf("user %d was delivered %d times", i, s.delivered[list.NewID([]byte(tenant.ID(i)))])
			}
		}
	})
}
