package list_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestEachPassCountsDuplicatesForItself(t *testing.T) {
	for name, c := range map[string]struct {
		faults                        []string
		passes, duplicates, throttled int
	}{
		"duplicates across pages are delivered once":           {[]string{"duplicate"}, 1, 10, 0},
		"pages reread after a poisoned token":                  {[]string{"poisoned-token:4"}, 1, 0, 0},
		"users of an earlier pass are no duplicates":           {[]string{"expired-token:4"}, 2, 0, 0},
		"duplicates within the second pass":                    {[]string{"expired-token:4", "duplicate"}, 2, 10, 0},
		"throttling is counted over all passes":                {[]string{"429-seconds:2", "expired-token:4", "429-seconds:6", "429-seconds@count"}, 2, 0, 3},
		"a page that was lost in the first pass only":          {[]string{"lost-page:3x1"}, 2, 0, 0},
		"a return to a page that was read whole is not a loop": {[]string{"503:4", "poisoned-token:5"}, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := read(t, t.Context(), simulator.Config{Users: 1050, Faults: listtest.Faults(t, c.faults...)}, listtest.Request())
				r.wantComplete(t, 1050)
				if r.report.Passes != c.passes || r.report.Duplicates != c.duplicates || r.report.Throttled != c.throttled || !r.report.Verified || len(r.report.Warnings) != 0 {
					t.Errorf("%+v; want %d passes, %d duplicates, %d throttled, no warning", r.report, c.passes, c.duplicates, c.throttled)
				}
			})
		})
	}
}

// TestUsersWhoComeAndGoWhileReadingLeaveACompleteList accepts an error, but no list without
// one that misses a user who was there all the time.
func TestUsersWhoComeAndGoWhileReadingLeaveACompleteList(t *testing.T) {
	for name, change := range map[string]func(tenant *simulator.Tenant, page int){
		"created":                      func(tenant *simulator.Tenant, _ int) { tenant.Create() },
		"deleted before they are read": func(tenant *simulator.Tenant, page int) { _ = tenant.Delete(900 + page) },
		"deleted after they were read": func(tenant *simulator.Tenant, page int) { _ = tenant.Delete(page) },
		"moved to the front":           func(tenant *simulator.Tenant, page int) { _ = tenant.Move(500+page, true) },
		"created and deleted":          func(tenant *simulator.Tenant, page int) { tenant.Create(); _ = tenant.Delete(page * 7) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := readChanging(t, simulator.Config{Users: 1000}, change)
				if r.err != nil {
					t.Logf("ended in an error: %v", r.err)
					return
				}
				missing := 0
				for i := range 1000 {
					if _, exists := r.tenant.Index(r.tenant.ID(i)); exists && r.ids[r.tenant.ID(i)] == 0 {
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

func TestAUserWhoLeavesBetweenTwoPassesIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := 0
		r := readChanging(t, simulator.Config{Users: 1000, Faults: listtest.Faults(t, "expired-token:6")}, func(tenant *simulator.Tenant, page int) {
			if pages++; page == 1 && pages > 1 { // the second pass begins
				_ = tenant.Delete(3)
			}
		})
		if r.err != nil || r.report.Passes != 2 {
			t.Fatalf("%v, %+v", r.err, r.report)
		}
		if r.report.Users != 1000 || len(r.report.Warnings) != 1 || !r.report.Verified {
			t.Errorf("want 1000 users delivered and a warning about one of them: %+v", r.report)
		}
	})
}

func TestManyPagesAreNotTakenForALoop(t *testing.T) {
	for _, parallel := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			request := listtest.Parallel(parallel)
			request.PageSize = 1
			r := read(t, t.Context(), simulator.Config{Users: 4500}, request)
			r.wantComplete(t, 4500)
			if r.report.Passes != 1 || !r.report.Verified {
				t.Errorf("%+v", r.report)
			}
		})
	}
}

func TestAListOfNewLinksToTheSamePageEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := 0
		tenant := simulator.New(simulator.Config{})
		client := listtest.Client(t, tenant, graph.Config{Transport: listtest.Intercept(tenant.Transport(), func(r *http.Request) *http.Response {
			time.Sleep(100 * time.Millisecond)
			if !listtest.IsList(r) {
				return listtest.Respond(r, http.StatusOK, "2")
			}
			pages++
			return listtest.Respond(r, http.StatusOK, fmt.Sprintf(`{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=%d",`+
				`"value":[{"id":"00000000-0000-4000-8000-000000000001"},{"id":"00000000-0000-4000-8000-000000000002"}]}`, pages))
		})})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		var last error
		for _, err := range list.New(client, listtest.Request(), nil).Users(ctx) {
			last = err
		}
		if last == nil || errors.Is(last, context.DeadlineExceeded) {
			t.Errorf("after %d pages the list of two users ended with %v", pages, last)
		}
	})
}
