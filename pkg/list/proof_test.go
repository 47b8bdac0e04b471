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

// lag makes the requests for a count, one after the other, wrong by so much, and those
// after them by the last of these.
func lag(by ...int) func(request, truth int) int {
	return func(request, truth int) int { return truth + by[min(request, len(by))-1] }
}

func TestAListHasToAgreeWithTheCountExactly(t *testing.T) {
	const recounts = 55 * time.Second // all of them together
	for name, c := range map[string]struct {
		count      func(request, truth int) int
		slack      tolerance.Tolerance
		verified   string
		difference int
		passes     int
		took       time.Duration
	}{
		"right at once":                              {verified: list.ByCount},
		"wrong before, right after":                  {count: lag(-5, 0), verified: list.ByCount, took: 10 * time.Second},
		"too low, then right at the first recount":   {count: lag(-9, -9, 0), verified: list.ByCount, took: 15 * time.Second},
		"too high, then right at the second recount": {count: lag(0, +9, +9, 0), verified: list.ByCount, took: 20 * time.Second},
		"right at the third recount":                 {count: lag(0, +9, +9, +9, 0), verified: list.ByCount, took: recounts},
		"right for the second reading":               {count: lag(+99, +99, +99, +99, +99, 0), verified: list.ByCount, passes: 2, took: recounts},
		"between two counts that are both wrong":     {count: lag(-5, +5), verified: list.BySecondReading, difference: -5, passes: 2, took: recounts},
		"one too low for ever":                       {count: lag(-1), verified: list.BySecondReading, difference: +1, passes: 2, took: recounts},
		"one too high for ever":                      {count: lag(+1), verified: list.BySecondReading, difference: -1, passes: 2, took: recounts},
		"one too many, within the slack":             {count: lag(-1), slack: tolerance.Tolerance{Users: 2}, difference: 1, took: recounts},
		"one too few, within the slack":              {count: lag(+1), slack: tolerance.Tolerance{Users: 2}, difference: -1, took: recounts},
		"one more than the slack":                    {count: lag(+3), slack: tolerance.Tolerance{Users: 2}, difference: -3, verified: list.BySecondReading, passes: 2, took: recounts},
		"a share that rounds down to none":           {count: lag(+1), slack: tolerance.Tolerance{Share: 0.0005}, difference: -1, verified: list.BySecondReading, passes: 2, took: recounts},
		"a share that allows one":                    {count: lag(+1), slack: tolerance.Tolerance{Share: 0.002}, difference: -1, took: recounts},
		"a slack that would hide a page is capped":   {count: lag(+60), slack: tolerance.Tolerance{Users: 500}, difference: -60, verified: list.BySecondReading, passes: 2, took: recounts},
		"half a page is within the slack":            {count: lag(+50), slack: tolerance.Tolerance{Share: 1}, difference: -50, took: recounts},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := listtest.Request()
				q.Slack = c.slack
				r := read(t, t.Context(), simulator.Config{Users: 1000, Count: c.count}, q)
				r.wantComplete(t, 1000)
				if r.report.Verified != (c.verified != "") || r.report.VerifiedBy != c.verified || r.report.Difference != c.difference {
					t.Errorf("%+v; want verified by %q, difference %d", r.report, c.verified, c.difference)
				}
				if r.report.Passes != max(1, c.passes) || r.took != c.took || !r.report.Fenced {
					t.Errorf("%+v after %v; want %d passes, %v", r.report, r.took, max(1, c.passes), c.took)
				}
				if c.verified == "" && len(r.report.Warnings) == 0 {
					t.Error("an unverified list has no warning")
				}
			})
		})
	}
}

func TestAListThatIsShortIsNotVerifiedByAnyCount(t *testing.T) {
	for name, c := range map[string]struct {
		fault string
		count func(request, truth int) int
		slack tolerance.Tolerance
	}{
		"the last page lost in both directions": {fault: "early-end:10"},
		"the last page lost, and any slack":     {fault: "early-end:6", slack: tolerance.Tolerance{Share: 1}},
		"a page lost in the middle":             {fault: "lost-page:3"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := listtest.Request()
				q.Slack = c.slack
				r := read(t, t.Context(), simulator.Config{Users: 1095, Count: c.count, Faults: listtest.Faults(t, c.fault)}, q)
				r.wantError(t, "Snapshot.Incomplete")
			})
		})
	}
}

func TestWithoutAFenceTheCountsBeforeAndAfterHaveToBeEqual(t *testing.T) {
	for name, c := range map[string]struct {
		count    func(request, truth int) int
		joins    int // while the first pass is read
		fault    string
		verified string
		fails    string
		passes   int
	}{
		"nothing moves":                                   {verified: list.ByCount, passes: 1},
		"somebody joins in the first pass":                {joins: 1, verified: list.ByCount, passes: 2},
		"the last page is lost while as many join":        {joins: 30, fault: "early-end:10", fails: "Snapshot.Incomplete"},
		"the counts are wrong, and alike":                 {count: lag(+3), verified: list.BySecondReading, passes: 2},
		"the counts never come to rest":                   {count: func(request, truth int) int { return truth + request }, fails: "Snapshot.Incomplete"},
		"the count comes to be right only after the list": {count: lag(-4, -4, 0), verified: list.ByCount, passes: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := simulator.Config{Users: 1005, NoDelta: true, Count: c.count}
				if c.fault != "" {
					cfg.Faults = listtest.Faults(t, c.fault)
				}
				joined := 0
				r := readChanging(t, cfg, func(tenant *simulator.Tenant, page int) {
					for page == 5 && joined < c.joins {
						tenant.Create()
						joined++
					}
				})
				if c.fails != "" {
					r.wantError(t, c.fails)
					return
				}
				r.wantComplete(t, 1005+joined)
				if r.report.VerifiedBy != c.verified || r.report.Fenced || r.report.Passes != c.passes {
					t.Errorf("%+v; want verified by %q after %d passes", r.report, c.verified, c.passes)
				}
			})
		})
	}
}

func TestASecondReadingInTheSameOrderVerifiesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 1000, Count: lag(+1)})
		asked := false
		client := listtest.Client(t, tenant, graph.Config{Transport: listtest.Intercept(tenant.Transport(), func(r *http.Request) *http.Response {
			if !listtest.IsList(r) || r.URL.Query().Get("$orderby") == "" {
				return nil
			}
			asked = true
			return listtest.Respond(r, http.StatusBadRequest, `{"error":{"code":"Request_UnsupportedQuery","message":"no descending order here"}}`)
		})})
		l := list.New(client, listtest.Request(), nil)
		var last error
		for _, err := range l.Users(t.Context()) {
			last = err
		}
		if last == nil || failure.Of(last).Name != "Snapshot.Incomplete" || !asked {
			t.Errorf("asked for the opposite order: %t; the list ended with %v: %+v", asked, last, l.Report())
		}
	})
}

func TestASecondReadingThatFindsMoreIsTheListIfTheCountAgrees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := read(t, t.Context(), simulator.Config{Users: 1000, Faults: listtest.Faults(t, "lost-page:3x1")}, listtest.Request())
		r.wantComplete(t, 1000)
		if r.report.VerifiedBy != list.ByCount || r.report.Passes != 2 {
			t.Errorf("%+v", r.report)
		}
	})
}

// loseAPageOfTheSecondReading calls for a page to be lost once the list is read a second
// time.
func loseAPageOfTheSecondReading(t *testing.T) func(tenant *simulator.Tenant, page int) {
	t.Helper()
	first := 0
	return func(tenant *simulator.Tenant, page int) {
		if page == 1 {
			if first++; first == 2 {
				tenant.AddFault(listtest.Faults(t, "lost-page:3")[0])
			}
		}
	}
}

func TestASecondReadingThatFindsLessDoesNotVerify(t *testing.T) {
	for name, by := range map[string]int{"a count that is wrong": +1, "a count that is too low by those whom it misses": -100} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := readChanging(t, simulator.Config{Users: 1000, Count: lag(by)}, loseAPageOfTheSecondReading(t))
				r.wantError(t, "Snapshot.Incomplete")
			})
		})
	}
}

func TestTheListOfATenantThatDoesNotCountIsCompleteAndNotVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := read(t, t.Context(), simulator.Config{Users: 1000, B2C: true}, listtest.Request())
		r.wantComplete(t, 1000)
		if r.report.Verified || r.report.Fenced || r.report.Expected != nil || len(r.report.Warnings) != 1 {
			t.Errorf("report %+v", r.report)
		}
	})
}

func TestAListThatHasToBeVerifiedIsReadTwiceWhereThereIsNoCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.RequireVerified = true
		r := read(t, t.Context(), simulator.Config{Users: 1000, NoDelta: true, Faults: listtest.Faults(t, "count-refused")}, q)
		r.wantComplete(t, 1000)
		if r.report.VerifiedBy != list.BySecondReading || r.report.Passes != 2 {
			t.Errorf("report %+v", r.report)
		}
	})
}

func TestAListThatHasToBeVerifiedGetsNoSlack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.RequireVerified, q.Slack = true, tolerance.Tolerance{Users: 5}
		cfg := simulator.Config{Users: 1000, Count: lag(+1)}
		r := read(t, t.Context(), cfg, q)
		r.wantComplete(t, 1000)
		if r.report.VerifiedBy != list.BySecondReading {
			t.Errorf("%+v", r.report)
		}
		refuse := loseAPageOfTheSecondReading(t)
		var tenant *simulator.Tenant
		cfg.OnPage = func(page int) { refuse(tenant, page) }
		tenant = simulator.New(cfg)
		readTenant(t, t.Context(), tenant, q).wantError(t, "Snapshot.Incomplete")
	})
}

func TestOnlyATenantWithoutDeltaQueriesMayRefuseToCount(t *testing.T) {
	for name, c := range map[string]struct {
		cfg   simulator.Config
		fault string
		fails string
	}{
		"400, and it has delta queries":    {fault: "count-refused", fails: "Graph.BadRequest"},
		"403":                              {cfg: simulator.Config{NoDelta: true}, fault: "403@count", fails: "Graph.AccessDenied"},
		"refused before, given after":      {cfg: simulator.Config{NoDelta: true}, fault: "count-refusedx1"},
		"refused before, and a short list": {cfg: simulator.Config{NoDelta: true}, fault: "count-refusedx1,early-end:5", fails: "Snapshot.Incomplete"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c.cfg.Users, c.cfg.Faults = 1000, listtest.Faults(t, strings.Split(c.fault, ",")...)
				r := read(t, t.Context(), c.cfg, listtest.Request())
				if c.fails != "" {
					r.wantError(t, c.fails)
					return
				}
				r.wantComplete(t, 1000)
				if !r.report.Verified || r.report.Passes != 2 {
					t.Errorf("%+v; want it verified by a pass of its own", r.report)
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
		r := readChanging(t, simulator.Config{Users: 1000, NoDelta: true}, func(tenant *simulator.Tenant, page int) {
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
