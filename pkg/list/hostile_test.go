package list_test

import (
	"context"
	"errors"
	"fmt"
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

// A run that parks tells a near deadline from a failure by it.
func TestDeadlineReasonSurvivesOnFirstPage(t *testing.T) {
	for _, f := range []string{"429-seconds:1x*", "count-throttled", "503-retry-after:1x*"} {
		t.Run(f, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				r := read(t, ctx, simulator.Config{Users: 1000, Faults: listtest.Faults(t, f)}, listtest.Request())
				if !errors.Is(r.err, context.DeadlineExceeded) {
					t.Errorf("the deadline is not the reason: %v", r.err)
				}
			})
		})
	}
}

func TestAListingReadTwiceIsNotAnEmptyCompleteList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := read(t, t.Context(), simulator.Config{Users: 1000}, listtest.Request())
		n, last := 0, error(nil)
		for _, err := range r.listing.Users(t.Context()) {
			if last = err; err == nil {
				n++
			}
		}
		if last == nil {
			t.Errorf("the second reading delivered %d users and ended without an error: %+v", n, r.listing.Report())
		}
	})
}

func TestAListBrokenOffAndReadAgainIsNotComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 1000})
		tr := tenant.Transport()
		c, _ := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: tenant.TokenSource(tr), Transport: tr})
		l := list.New(c, listtest.Request(), nil)
		n := 0
		for _, err := range l.Users(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == 700 {
				break
			}
		}
		n, last := 0, error(nil)
		for _, err := range l.Users(t.Context()) {
			if last = err; err == nil {
				n++
			}
		}
		if last == nil {
			t.Errorf("delivered %d of 1000 without error, verified %t", n, l.Report().Verified)
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

type fixed struct{}

func (fixed) Token(context.Context, string, string) (string, error) { return "t", nil }

func answer(r *http.Request, body string) *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}
}

func TestAListOfFreshLinksToTheSamePageEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		tr := roundTrip(func(r *http.Request) (*http.Response, error) {
			time.Sleep(100 * time.Millisecond)
			if err := r.Context().Err(); err != nil {
				return nil, err
			}
			if strings.HasSuffix(r.URL.Path, "$count") {
				return answer(r, "2"), nil
			}
			n++
			return answer(r, fmt.Sprintf(`{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=%d","value":[{"id":"00000000-0000-4000-8000-000000000001"},{"id":"00000000-0000-4000-8000-000000000002"}]}`, n)), nil
		})
		c, _ := graph.New(graph.Config{BaseURL: "https://graph.microsoft.com", Tokens: fixed{}, Transport: tr})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		l := list.New(c, listtest.Request(), nil)
		var last error
		for _, err := range l.Users(ctx) {
			last = err
		}
		t.Logf("%d requests: %v", n, last)
		if errors.Is(last, context.DeadlineExceeded) {
			t.Error("the list of two users went on until the deadline")
		}
	})
}

func TestOneWildCountDoesNotVerifyAShortList(t *testing.T) {
	for name, bad := range map[string]int{"after": 2, "recount": 3, "recount 3": 5} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := read(t, t.Context(), simulator.Config{Users: 1050, Faults: listtest.Faults(t, "early-end:6"), Count: func(request, truth int) int {
					if request == bad {
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

func TestSlackIsHalfOfThePageThatGraphGives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := listtest.Request()
		q.Columns, q.PageSize, q.Slack = listtest.Columns("displayName", "signInActivity"), 999, tolerance.Tolerance{Users: 1000}
		r := read(t, t.Context(), simulator.Config{
			Users: 2000, Roles: []string{"User.Read.All", "AuditLog.Read.All"},
			Count: func(_, truth int) int { return truth + 400 },
		}, q)
		if r.err == nil {
			t.Errorf("a list 400 short is complete though pages hold 500: %+v", r.report)
		}
	})
}
