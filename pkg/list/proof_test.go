package list_test

import (
	"context"
	"errors"
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
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

func TestTheProofComparesTheListWithTheCount(t *testing.T) {
	lag := func(by ...int) func(request, truth int) int {
		return func(request, truth int) int { return truth + by[min(request, len(by))-1] }
	}
	for name, c := range map[string]struct {
		count      func(request, truth int) int
		slack      tolerance.Tolerance
		fails      string
		verified   bool
		difference int
		passes     int
		took       time.Duration // at least
	}{
		"the same before and after":                  {verified: true},
		"between before and after":                   {count: lag(-5, +5), verified: true},
		"between, the other way round":               {count: lag(+5, -5), verified: true},
		"too low, then right at the first recount":   {count: lag(-9, -9, 0), verified: true, took: 5 * time.Second},
		"too high, then right at the second recount": {count: lag(+9, +9, +9, 0), verified: true, took: 20 * time.Second},
		"right at the third recount":                 {count: lag(+9, +9, +9, +9, 0), verified: true, took: 55 * time.Second},
		"one too many, within the slack":             {count: lag(-1), slack: tolerance.Tolerance{Users: 2}, difference: 1, took: 55 * time.Second},
		"one too few, within the slack":              {count: lag(+1), slack: tolerance.Tolerance{Users: 2}, difference: -1, took: 55 * time.Second},
		"one more than the slack":                    {count: lag(+3), slack: tolerance.Tolerance{Users: 2}, difference: -3, fails: "Snapshot.Incomplete", passes: 2},
		"one too few without slack":                  {count: lag(+1), difference: -1, fails: "Snapshot.Incomplete", passes: 2},
		"a share that rounds down to none":           {count: lag(+1), slack: tolerance.Tolerance{Share: 0.0005}, difference: -1, fails: "Snapshot.Incomplete", passes: 2},
		"a share that allows one":                    {count: lag(+1), slack: tolerance.Tolerance{Share: 0.002}, difference: -1},
		"a slack that would hide a page is capped":   {count: lag(+60), slack: tolerance.Tolerance{Users: 500}, difference: -60, fails: "Snapshot.Incomplete", passes: 2},
		"a share that would hide a page is capped":   {count: lag(+51), slack: tolerance.Tolerance{Share: 1}, difference: -51, fails: "Snapshot.Incomplete", passes: 2},
		"half a page is within the slack":            {count: lag(+50), slack: tolerance.Tolerance{Share: 1}, difference: -50},
		"wrong for one pass, right for the next":     {count: lag(+99, +99, +99, +99, +99, 0), verified: true, passes: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := listtest.Request()
				q.Slack = c.slack
				r := read(t, t.Context(), simulator.Config{Users: 1000, Count: c.count}, q)
				if c.fails != "" {
					r.wantError(t, c.fails)
				} else {
					r.wantComplete(t, 1000)
				}
				if r.report.Verified != c.verified || r.report.Difference != c.difference {
					t.Errorf("verified %t, difference %d; want %t, %d", r.report.Verified, r.report.Difference, c.verified, c.difference)
				}
				if want := max(1, c.passes); r.report.Passes != want {
					t.Errorf("%d passes, want %d", r.report.Passes, want)
				}
				if c.count == nil && r.took > 0 {
					t.Errorf("it waited %v for a count that agrees", r.took)
				}
				if r.took < c.took || c.fails == "" && c.passes < 2 && r.took > time.Minute {
					t.Errorf("it took %v, want at least %v and less than a minute", r.took, c.took)
				}
				if c.fails == "" && !c.verified && len(r.report.Warnings) == 0 {
					t.Error("an unverified list has no warning")
				}
			})
		})
	}
}

func TestTheListOfATenantThatDoesNotCountIsCompleteAndNotVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := read(t, t.Context(), simulator.Config{Users: 1000, Faults: listtest.Faults(t, "count-refused")}, listtest.Request())
		r.wantComplete(t, 1000)
		if r.report.Verified || r.report.Expected != nil || len(r.report.Warnings) != 1 {
			t.Errorf("report %+v", r.report)
		}
	})
}

func TestACountThatIsRefusedOnlyOnceDoesNotWeakenTheProof(t *testing.T) {
	for name, c := range map[string]struct {
		faults []string
		fails  string
	}{
		"refused before, given after":                   {faults: []string{"403@countx1"}},
		"refused before, given after, and a short list": {faults: []string{"403@countx1", "early-end:5"}, fails: "Snapshot.Incomplete"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := read(t, t.Context(), simulator.Config{Users: 1000, Faults: listtest.Faults(t, c.faults...)}, listtest.Request())
				if c.fails != "" {
					r.wantError(t, c.fails)
					return
				}
				r.wantComplete(t, 1000)
				if !r.report.Verified {
					t.Errorf("not verified: %+v", r.report)
				}
			})
		})
	}
}

// TestACountThatAGatewayRefusesIsAnError because its answer has no code of Graph's.
func TestACountThatAGatewayRefusesIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 1000})
		transport := listtest.Intercept(tenant.Transport(), func(r *http.Request) *http.Response {
			if !strings.HasSuffix(r.URL.Path, "/$count") {
				return nil
			}
			return listtest.Respond(r, http.StatusForbidden, "<html>blocked</html>")
		})
		var last error
		for _, err := range list.New(listtest.Client(t, tenant, graph.Config{Transport: transport}), listtest.Request(), nil).Users(t.Context()) {
			last = err
		}
		if last == nil || failure.Of(last).Name != "Graph.AccessDenied" {
			t.Errorf("the list ended with %v", last)
		}
	})
}

func TestACountThatIsRefusedOnlyAfterTheListIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := readChanging(t, simulator.Config{Users: 1000}, func(tenant *simulator.Tenant, page int) {
			if page == 5 {
				tenant.AddFault(listtest.Faults(t, "count-refused")[0])
			}
		})
		r.wantError(t, "Snapshot.Incomplete")
	})
}

func TestATenantWithoutUsersIsNotAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read(t, t.Context(), simulator.Config{Users: 0}, listtest.Request()).wantError(t, "Snapshot.Incomplete")
	})
}

func TestAFilterMayMatchNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.Filter = "startswith(userPrincipalName,'nobody-is-called-so')"
		r := read(t, t.Context(), simulator.Config{Users: 100}, q)
		if r.err != nil || r.report.Users != 0 || !r.report.Verified {
			t.Errorf("%v, %+v", r.err, r.report)
		}
	})
}

func TestAFilteredListIsComparedWithTheFilteredCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.Filter = "accountEnabled eq false"
		r := read(t, t.Context(), simulator.Config{Users: 3000}, q)
		if r.err != nil || !r.report.Verified || r.report.Users == 0 || r.report.Users == 3000 {
			t.Errorf("%v, %+v", r.err, r.report)
		}
		for _, raw := range r.users {
			if !strings.Contains(raw, `"accountEnabled":false`) {
				t.Fatalf("does not match the filter: %s", raw)
			}
		}
	})
}

func TestOneWrongCountDoesNotVerifyAShortList(t *testing.T) {
	for name, wrong := range map[string]int{"after the list": 2, "the first recount": 3, "the third recount": 5} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := read(t, t.Context(), simulator.Config{Users: 1050, Faults: listtest.Faults(t, "early-end:6"), Count: func(request, truth int) int {
					if request == wrong {
						return 400
					}
					return truth
				}}, listtest.Request())
				if r.err == nil {
					t.Errorf("%d of 1050 users are complete: %+v %+v", len(r.ids), r.report, *r.report.Expected)
				}
			})
		})
	}
}

// TestSlackIsCappedByThePageSizeThatGraphAllows selects a column that Graph gives for 500
// users a page.
func TestSlackIsCappedByThePageSizeThatGraphAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.Columns, q.PageSize, q.Slack = listtest.Columns("displayName", "signInActivity"), 999, tolerance.Tolerance{Users: 1000}
		r := read(t, t.Context(), simulator.Config{
			Users: 2000, Roles: []string{"User.Read.All", "AuditLog.Read.All"},
			Count: func(_, truth int) int { return truth + 400 },
		}, q)
		if r.err == nil {
			t.Errorf("a list that is 400 users short is complete though pages hold 500: %+v", r.report)
		}
	})
}

func TestTheReportHoldsTheLastCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := read(t, t.Context(), simulator.Config{Users: 1000, Count: func(request, truth int) int {
			return truth - []int{9, 8, 7, 0}[min(request, 4)-1]
		}}, listtest.Request())
		r.wantComplete(t, 1000)
		if e := r.report.Expected; e == nil || e.Before != 991 || e.After != 1000 {
			t.Errorf("expected %+v, want 991 before and 1000 at last", e)
		}
	})
}

func TestARecountWaitsNoLongerThanTheContextAllows(t *testing.T) {
	oneTooHigh := simulator.Config{Users: 1000, Count: func(_, truth int) int { return truth + 1 }}
	request := listtest.Request()
	request.Slack = tolerance.Tolerance{Users: 5}
	t.Run("cancelled during a wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			cause := errors.New("enough")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(10*time.Second, func() { cancel(cause) })
			r := read(t, ctx, oneTooHigh, request)
			if !errors.Is(r.err, cause) || r.took != 10*time.Second {
				t.Errorf("after %v: %v", r.took, r.err)
			}
		})
	})
	t.Run("a deadline after the first wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
			defer cancel()
			r := read(t, ctx, oneTooHigh, request)
			r.wantComplete(t, 1000)
			if r.took != 5*time.Second || r.report.Verified || r.report.Difference != -1 {
				t.Errorf("after %v: %+v; want the one recount that fits, and no more", r.took, r.report)
			}
		})
	})
}

func TestALaggingReplicaDoesNotMakeACompleteList(t *testing.T) {
	// The list shows the tenant of half a minute ago, the count that of now.
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 1000, ReplicaLag: 30 * time.Second})
		for range 40 {
			tenant.Create()
		}
		r := readTenant(t, t.Context(), tenant, listtest.Request())
		if r.err == nil && r.report.Users != 1040 {
			t.Errorf("%d of 1040 users look like a complete list: %+v", r.report.Users, r.report)
		}
	})
}
