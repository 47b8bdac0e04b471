package list_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

func TestAListThatAgreesWithTheCountDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := read(t, t.Context(), simulator.Config{Users: 1000}, listtest.Request())
		r.mustBeComplete(t, 1000)
		if r.took > 0 {
			t.Errorf("it waited %v for a count that agrees", r.took)
		}
	})
}

func TestTheReportHoldsTheLastCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := read(t, t.Context(), simulator.Config{Users: 1000, Count: func(request, truth int) int {
			return truth - []int{9, 8, 7, 0}[min(request, 4)-1]
		}}, listtest.Request())
		r.mustBeComplete(t, 1000)
		if e := r.report.Expected; e == nil || e.Before != 991 || e.After != 1000 {
			t.Errorf("expected %+v, want 991 before and 1000 at last", e)
		}
	})
}

func TestAReaderMayStopWithinAList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 1000})
		transport := tenant.Transport()
		client, err := graph.New(graph.Config{
			BaseURL: "https://graph.microsoft.com", Tokens: tenant.TokenSource(transport), Transport: transport,
		})
		if err != nil {
			t.Fatal(err)
		}
		listing := list.New(client, listtest.Request(), nil)
		n := 0
		for _, err := range listing.Users(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 250 {
				break
			}
		}
		if r := listing.Report(); r.Verified || r.Expected != nil {
			t.Errorf("a list that was left half-way has a proof: %+v", r)
		}
	})
}

func TestACancellationDuringTheRecountsIsNotACompleteList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("enough")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(10*time.Second, func() { cancel(cause) })
		q := listtest.Request()
		q.Slack = tolerance.Tolerance{Users: 5}
		r := read(t, ctx, simulator.Config{Users: 1000, Count: func(_, truth int) int { return truth + 1 }}, q)
		if !errors.Is(r.err, cause) || r.took != 10*time.Second {
			t.Errorf("after %v: %v", r.took, r.err)
		}
	})
}

func TestADeadlineNearerThanARecountIsNotSleptPast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		q := listtest.Request()
		q.Slack = tolerance.Tolerance{Users: 5}
		r := read(t, ctx, simulator.Config{Users: 1000, Count: func(_, truth int) int { return truth + 1 }}, q)
		r.mustBeComplete(t, 1000)
		if r.took != 5*time.Second || r.report.Verified || r.report.Difference != -1 {
			t.Errorf("after %v: %+v; want the one recount that fits, and no more", r.took, r.report)
		}
	})
}

func TestASecondPassCountsForItself(t *testing.T) {
	for name, c := range map[string]struct {
		faults                []string
		duplicates, throttled int
	}{
		"users met again in it are no duplicates":     {[]string{"expired-token:4"}, 0, 0},
		"duplicates within it are counted once":       {[]string{"expired-token:4", "duplicate"}, 10, 0},
		"throttling is counted over all of them":      {[]string{"429-seconds:2", "expired-token:4", "429-seconds:6", "429-seconds@count"}, 0, 3},
		"a lost page in front of it leaves no traces": {[]string{"lost-page:3x1"}, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := read(t, t.Context(), simulator.Config{Users: 1050, Faults: listtest.Faults(t, c.faults...)}, listtest.Request())
				r.mustBeComplete(t, 1050)
				if r.report.Passes != 2 || r.report.Duplicates != c.duplicates || r.report.Throttled != c.throttled || !r.report.Verified || len(r.report.Warnings) != 0 {
					t.Errorf("report %+v; want 2 passes, %d duplicates, %d throttled, no warning", r.report, c.duplicates, c.throttled)
				}
			})
		})
	}
}

func TestGoingBackToAnUndisturbedPageIsNotACircle(t *testing.T) {
	// Page 4 is disturbed and its link is good, page 5 is disturbed and its link
	// is lost: the chain goes back to page 4 and meets page 4's link once more.
	synctest.Test(t, func(t *testing.T) {
		r := read(t, t.Context(), simulator.Config{Users: 1050, Faults: listtest.Faults(t, "503:4", "poisoned-token:5")}, listtest.Request())
		r.mustBeComplete(t, 1050)
		if r.report.Passes != 1 || r.report.Duplicates != 0 {
			t.Errorf("%d passes, %d duplicates, want one pass and none", r.report.Passes, r.report.Duplicates)
		}
	})
}

// refusing answers the list requests that select signInActivity: each with the
// next status, where 0 hands the request on; the last status stays.
type refusing struct {
	under    http.RoundTripper
	statuses []int
}

func (f *refusing) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/users") || !strings.Contains(r.URL.Query().Get("$select"), "signInActivity") {
		return f.under.RoundTrip(r)
	}
	status := f.statuses[0]
	if len(f.statuses) > 1 {
		f.statuses = f.statuses[1:]
	}
	if status == 0 {
		return f.under.RoundTrip(r)
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{}, Request: r,
		Body: io.NopCloser(strings.NewReader(`{"error":{"code":"Authorization_RequestDenied"}}`)),
	}, nil
}

func TestAColumnIsMissingOnlyIfGraphRefusesItFromTheStart(t *testing.T) {
	for name, c := range map[string]struct {
		statuses      []int
		users, status int
	}{
		"refused half-way":                      {[]int{0, 0, 0, 403}, 300, 403},
		"refused once, then granted alone":      {[]int{403, 0}, 0, 403},
		"refused, and out of reach when alone":  {[]int{403, 503}, 0, 503},
		"refused, and throttled when alone":     {[]int{403, 429}, 0, 429},
		"refused from the start and when alone": {[]int{403}, 1050, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tenant := simulator.New(simulator.Config{Users: 1050, Roles: []string{"User.Read.All", "AuditLog.Read.All"}})
				transport := &refusing{under: tenant.Transport(), statuses: c.statuses}
				client, err := graph.New(graph.Config{
					BaseURL: "https://graph.microsoft.com", Tokens: tenant.TokenSource(transport), Transport: transport, Attempts: 2,
				})
				if err != nil {
					t.Fatal(err)
				}
				q := listtest.Request()
				q.Columns = listtest.Columns("displayName", "signInActivity?")
				listing := list.New(client, q, nil)
				users, last := 0, error(nil)
				for _, err := range listing.Users(t.Context()) {
					if last = err; err == nil {
						users++
					}
				}
				var answer *graph.Error
				if errors.As(last, &answer) != (c.status != 0) || answer != nil && answer.Status != c.status || users != c.users {
					t.Errorf("%d users, %v; want %d and status %d", users, last, c.users, c.status)
				}
				if missing := len(listing.Report().MissingColumns); (missing > 0) != (c.status == 0) {
					t.Errorf("%d columns are missing", missing)
				}
			})
		})
	}
}

func TestWithoutAnyPermissionTheAnswerIsGraphsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.Columns = listtest.Columns("displayName", "signInActivity?")
		r := read(t, t.Context(), simulator.Config{Users: 300, Roles: []string{}}, q)
		var refused *list.RefusedError
		if r.err == nil || errors.As(r.err, &refused) {
			t.Errorf("a column is blamed: %v", r.err)
		}
	})
}
