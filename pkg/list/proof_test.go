package list_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
		pageSize   int
		fails      string
		verified   bool
		difference int
		passes     int
		took       time.Duration // at least
	}{
		"the same before and after":                {verified: true},
		"between before and after":                 {count: lag(-5, +5), verified: true},
		"between, the other way round":             {count: lag(+5, -5), verified: true},
		"too low, then recounted right":            {count: lag(-9, -9, 0), verified: true, took: 5 * time.Second},
		"too high, then recounted right":           {count: lag(+9, +9, +9, 0), verified: true, took: 20 * time.Second},
		"right at the third recount":               {count: lag(+9, +9, +9, +9, 0), verified: true, took: 55 * time.Second},
		"one too many, within the slack":           {count: lag(-1), slack: tolerance.Tolerance{Users: 2}, difference: 1, took: 55 * time.Second},
		"one too few, within the slack":            {count: lag(+1), slack: tolerance.Tolerance{Users: 2}, difference: -1, took: 55 * time.Second},
		"one beyond the slack":                     {count: lag(+3), slack: tolerance.Tolerance{Users: 2}, difference: -3, fails: "Snapshot.Incomplete", passes: 2},
		"one too few without slack":                {count: lag(+1), difference: -1, fails: "Snapshot.Incomplete", passes: 2},
		"a share that rounds down to none":         {count: lag(+1), slack: tolerance.Tolerance{Share: 0.0005}, difference: -1, fails: "Snapshot.Incomplete", passes: 2},
		"a share that allows one":                  {count: lag(+1), slack: tolerance.Tolerance{Share: 0.002}, difference: -1},
		"a slack that would hide a page is capped": {count: lag(+60), slack: tolerance.Tolerance{Users: 500}, difference: -60, fails: "Snapshot.Incomplete", passes: 2},
		"a share is capped at half a page, too":    {count: lag(+51), slack: tolerance.Tolerance{Share: 1}, difference: -51, fails: "Snapshot.Incomplete", passes: 2},
		"half a page is allowed":                   {count: lag(+50), slack: tolerance.Tolerance{Share: 1}, difference: -50},
		"doubted once, proven by the next pass":    {count: lag(+99, +99, +99, +99, +99, 0), verified: true, passes: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				q := listtest.Request()
				q.Slack = c.slack
				r := read(t, t.Context(), simulator.Config{Users: 1000, Count: c.count}, q)
				if c.fails != "" {
					r.mustFail(t, c.fails)
				} else {
					r.mustBeComplete(t, 1000)
				}
				if r.report.Verified != c.verified || r.report.Difference != c.difference {
					t.Errorf("verified %t, difference %d; want %t, %d", r.report.Verified, r.report.Difference, c.verified, c.difference)
				}
				if want := max(1, c.passes); r.report.Passes != want {
					t.Errorf("%d passes, want %d", r.report.Passes, want)
				}
				if r.took < c.took || c.fails == "" && c.passes < 2 && r.took > time.Minute {
					t.Errorf("it took %v, want at least %v and less than a minute", r.took, c.took)
				}
				if c.fails == "" && !c.verified && len(r.report.Warnings) == 0 {
					t.Error("an unverified list comes without a warning")
				}
			})
		})
	}
}

func TestATenantThatDoesNotCountIsCompleteAndNotVerified(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := read(t, t.Context(), simulator.Config{Users: 1000, Faults: listtest.Faults(t, "count-refused")}, listtest.Request())
		r.mustBeComplete(t, 1000)
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
		"refused before, given after":         {faults: []string{"403@countx1"}},
		"refused before, and the chain short": {faults: []string{"403@countx1", "early-end:5"}, fails: "Snapshot.Incomplete"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := read(t, t.Context(), simulator.Config{Users: 1000, Faults: listtest.Faults(t, c.faults...)}, listtest.Request())
				if c.fails != "" {
					r.mustFail(t, c.fails)
					return
				}
				r.mustBeComplete(t, 1000)
				if !r.report.Verified {
					t.Errorf("not verified: %+v", r.report)
				}
			})
		})
	}
}

func TestACountThatIsRefusedAfterwardsOnlyIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &reading{ids: map[string]int{}}
		var tenant *simulator.Tenant
		tenant = simulator.New(simulator.Config{Users: 1000, OnPage: func(page int) {
			if page == 5 {
				tenant.AddFault(listtest.Faults(t, "count-refused")[0])
			}
		}})
		r.tenant = tenant
		r.listTo(t, t.Context(), listtest.Request())
		r.mustFail(t, "Snapshot.Incomplete")
	})
}

func TestNobodyAtAllIsNotAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		read(t, t.Context(), simulator.Config{Users: 0}, listtest.Request()).mustFail(t, "Snapshot.Incomplete")
	})
}

func TestNobodyBehindAFilterIsAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.Filter = "startswith(userPrincipalName,'nobody-is-called-so')"
		r := read(t, t.Context(), simulator.Config{Users: 100}, q)
		if r.err != nil || r.report.Users != 0 || !r.report.Verified {
			t.Errorf("%v, %+v", r.err, r.report)
		}
	})
}

func TestAFilteredListIsProvenByTheSameFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.Filter = "accountEnabled eq false"
		r := read(t, t.Context(), simulator.Config{Users: 3000}, q)
		if r.err != nil || !r.report.Verified || r.report.Users == 0 || r.report.Users == 3000 {
			t.Errorf("%v, %+v", r.err, r.report)
		}
		for _, raw := range r.users {
			if !strings.Contains(raw, `"accountEnabled":false`) {
				t.Fatalf("not behind the filter: %s", raw)
			}
		}
	})
}

func TestADeadlineInTheMiddleIsAnErrorAndNoList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		r := read(t, ctx, simulator.Config{Users: 5000, Latency: 200 * time.Millisecond}, listtest.Request())
		r.mustFail(t, "Graph.Unavailable")
		if !errors.Is(r.err, context.DeadlineExceeded) || r.report.Users == 0 || r.took > 3*time.Second {
			t.Errorf("%v after %v and %d users", r.err, r.took, r.report.Users)
		}
	})
}

func TestALagOfTheReplicaIsNotTakenForTheTruth(t *testing.T) {
	// The list shows the tenant of half a minute ago, the count that of now.
	synctest.Test(t, func(t *testing.T) {
		r := &reading{tenant: simulator.New(simulator.Config{Users: 1000, ReplicaLag: 30 * time.Second}), ids: map[string]int{}}
		for range 40 {
			r.tenant.Create()
		}
		r.listTo(t, t.Context(), listtest.Request())
		if r.err == nil && r.report.Users != 1040 {
			t.Errorf("%d users of 1040 were taken for a complete list: %+v", r.report.Users, r.report)
		}
	})
}
