package list_test

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// churned reads a tenant to which change is done as each page is asked for.
func churned(t *testing.T, cfg simulator.Config, change func(tenant *simulator.Tenant, page int)) *reading {
	t.Helper()
	r := &reading{ids: map[string]int{}}
	cfg.OnPage = func(page int) { change(r.tenant, page) }
	r.tenant = simulator.New(cfg)
	r.listTo(t, t.Context(), listtest.Request())
	return r
}

func TestUsersCreatedAndDeletedWhileReadingLeaveACompleteList(t *testing.T) {
	for name, change := range map[string]func(tenant *simulator.Tenant, page int){
		"created":             func(tenant *simulator.Tenant, _ int) { tenant.Create() },
		"deleted ahead":       func(tenant *simulator.Tenant, page int) { _ = tenant.Delete(900 + page) },
		"deleted behind":      func(tenant *simulator.Tenant, page int) { _ = tenant.Delete(page) },
		"moved to the front":  func(tenant *simulator.Tenant, page int) { _ = tenant.Move(500+page, true) },
		"created and deleted": func(tenant *simulator.Tenant, page int) { tenant.Create(); _ = tenant.Delete(page * 7) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := churned(t, simulator.Config{Users: 1000}, change)
				if r.err != nil {
					// An error is allowed: the list was not the tenant. A list that
					// misses somebody who was there all the time is not.
					t.Logf("ended in an error: %v", r.err)
					return
				}
				missing := 0
				for i := range 1000 {
					if _, there := r.tenant.Index(r.tenant.ID(i)); there && r.ids[r.tenant.ID(i)] == 0 && !deleted(r, i) {
						missing++
					}
				}
				if missing > 0 {
					t.Errorf("%d users who were there all the time are missing from a list that ended without an error: %+v", missing, r.report)
				}
			})
		})
	}
}

// deleted reports whether the user is gone, by asking the tenant to delete it.
func deleted(r *reading, index int) bool { return r.tenant.Delete(index) != nil }

func TestAUserWhoLeavesBetweenTwoPassesIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := 0
		r := churned(t, simulator.Config{Users: 1000, Faults: listtest.Faults(t, "expired-token:6")}, func(tenant *simulator.Tenant, page int) {
			if pages++; page == 1 && pages > 1 { // the second pass begins
				_ = tenant.Delete(3)
			}
		})
		if r.err != nil || r.report.Passes != 2 {
			t.Fatalf("%v, %+v", r.err, r.report)
		}
		if r.report.Users != 1000 || len(r.report.Warnings) != 1 || !r.report.Verified {
			t.Errorf("want 1000 delivered, one of them with a warning: %+v", r.report)
		}
	})
}

// TestNoStormOfFaultsMakesAShortListLookWhole reads many tenants, each under
// its own mixture of faults.
func TestNoStormOfFaultsMakesAShortListLookWhole(t *testing.T) {
	kinds := []string{
		"401", "cae", "429-seconds", "429-absent", "500", "502-html", "503", "504", "html-200", "no-value", "error-200",
		"reset-before-headers", "stall-headers", "expired-token", "reset", "truncate", "truncate-clean", "stall", "malformed-json",
		"in-stream-error", "no-id", "empty-page", "link-after-value", "poisoned-token", "duplicate", "early-end", "lost-page", "loop",
		"foreign-host", "count-lag", "500@count", "503@count",
	}
	complete, failed := 0, 0
	for seed := range uint64(80) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			var chosen []simulator.Fault
			for range 1 + random.IntN(6) {
				f := listtest.Faults(t, kinds[random.IntN(len(kinds))])[0]
				if f.On == "" && random.IntN(4) > 0 {
					f.Page = 2 + random.IntN(8)
				}
				if f.Name == "count-lag" || f.On == "count" {
					f.Page = 0
				}
				chosen = append(chosen, f)
			}
			users := 200 + random.IntN(900)
			r := read(t, t.Context(), simulator.Config{
				Users: users, Faults: chosen, Latency: time.Duration(random.IntN(300)) * time.Millisecond,
			}, listtest.Request())
			if r.err != nil {
				failed++
				return
			}
			complete++
			if len(r.ids) != users {
				t.Errorf("seed %d: %d of %d users look like a complete list under %v: %+v", seed, len(r.ids), users, chosen, r.report)
			}
		})
	}
	if complete < 10 || failed < 10 {
		t.Errorf("%d lists were complete and %d failed: the mixture shows nothing", complete, failed)
	}
}
