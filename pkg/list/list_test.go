package list_test

import (
	"bytes"
	"context"
	"log/slog"
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

// reading is a tenant being listed, with what came of it.
type reading struct {
	tenant  *simulator.Tenant
	listing *list.List
	report  list.Report
	ids     map[string]int
	users   []string
	err     error
	took    time.Duration
	log     bytes.Buffer
}

// read lists the tenant to the end. Call it in a synctest bubble.
func read(t *testing.T, ctx context.Context, cfg simulator.Config, request list.Request) *reading {
	t.Helper()
	r := &reading{tenant: simulator.New(cfg), ids: map[string]int{}}
	r.listTo(t, ctx, request)
	return r
}

func (r *reading) listTo(t *testing.T, ctx context.Context, request list.Request) {
	t.Helper()
	log := slog.New(slog.NewJSONHandler(&r.log, nil))
	transport := r.tenant.Transport()
	client, err := graph.New(graph.Config{
		BaseURL: "https://graph.microsoft.com", Tokens: r.tenant.TokenSource(transport),
		Transport: transport, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	started := time.Now()
	r.listing = list.New(client, request, log)
	for user, err := range r.listing.Users(ctx) {
		if err != nil {
			r.err = err
			break
		}
		r.ids[string(user.ID)]++
		r.users = append(r.users, string(user.Raw))
	}
	r.report, r.took = r.listing.Report(), time.Since(started)
	r.checkPromises(t)
}

// checkPromises holds for every reading, whatever happened to it.
func (r *reading) checkPromises(t *testing.T) {
	t.Helper()
	for id, times := range r.ids {
		if times != 1 {
			t.Errorf("user %s was delivered %d times", id, times)
		}
	}
	if r.report.Users != len(r.ids) {
		t.Errorf("the report says %d users, %d were delivered", r.report.Users, len(r.ids))
	}
	if requests, withToken := r.tenant.Foreign(); requests > 0 || withToken > 0 {
		t.Errorf("%d requests went to a foreign host, %d with the token", requests, withToken)
	}
	said := r.log.String()
	if r.err != nil {
		said += r.err.Error()
	}
	for _, canary := range []string{"@", "RFNwdA", "eyJ", r.tenant.Config().ClientSecret} {
		if strings.Contains(said, canary) {
			t.Errorf("logs or error hold %q:\n%s", canary, said)
		}
	}
	for _, q := range r.tenant.Requests() {
		if q.Kind == "list" && q.ThrottlePriority != "Low" {
			t.Errorf("a request does not yield: x-ms-throttle-priority %q", q.ThrottlePriority)
		}
	}
}

func (r *reading) mustBeComplete(t *testing.T, users int) {
	t.Helper()
	if r.err != nil {
		t.Fatalf("the list failed: %v", r.err)
	}
	if len(r.ids) != users {
		t.Errorf("%d users, want %d", len(r.ids), users)
	}
	for i := range users {
		if r.ids[r.tenant.ID(i)] == 0 {
			t.Fatalf("user %d is missing", i)
		}
	}
}

func (r *reading) mustFail(t *testing.T, name string) {
	t.Helper()
	if r.err == nil {
		t.Fatalf("the list ended as if complete, with %d users", len(r.ids))
	}
	if got := failure.Of(r.err).Name; got != name {
		t.Errorf("the error is called %s, want %s: %v", got, name, r.err)
	}
}

// TestABadDayEndsCompleteOrInAClearError reads a tenant of 1,050 users, eleven
// pages, under one fault at a time.
func TestABadDayEndsCompleteOrInAClearError(t *testing.T) {
	const users = 1050
	for name, day := range map[string]struct {
		faults  []string
		fails   string // the error's public name; "" means complete
		retries int    // at least
		passes  int    // 0 means 1
	}{
		"a quiet day":                                     {},
		"a token refused for no reason":                   {faults: []string{"401:3"}},
		"a claims challenge":                              {faults: []string{"cae:4"}},
		"a token refused again and again":                 {faults: []string{"401:3x*"}, fails: "Credentials.Rejected"},
		"no permission":                                   {faults: []string{"403"}, fails: "Graph.AccessDenied"},
		"throttled for whole seconds":                     {faults: []string{"429-seconds:2"}, retries: 1},
		"throttled for decimal seconds":                   {faults: []string{"429-decimal:2"}, retries: 1},
		"throttled until a date":                          {faults: []string{"429-date:2"}, retries: 1},
		"throttled without a time":                        {faults: []string{"429-absent:2"}, retries: 1},
		"throttled six times in a row":                    {faults: []string{"429-storm:5"}, retries: 6},
		"throttled for ever":                              {faults: []string{"429-seconds:5x*"}, fails: "Graph.Throttled"},
		"a 500":                                           {faults: []string{"500:3"}, retries: 1},
		"a gateway's HTML":                                {faults: []string{"502-html:3"}, retries: 1},
		"a 503":                                           {faults: []string{"503:3"}, retries: 1},
		"a 503 with a time":                               {faults: []string{"503-retry-after:3"}, retries: 1},
		"a 504":                                           {faults: []string{"504:3"}, retries: 1},
		"a 500 on every page":                             {faults: []string{"500"}, retries: 11},
		"a 500 without end":                               {faults: []string{"500:3x*"}, fails: "Graph.Unavailable"},
		"an error without a code":                         {faults: []string{"empty-code:3"}, retries: 1},
		"HTML with status 200":                            {faults: []string{"html-200:3"}, retries: 1},
		"HTML with status 200 without end":                {faults: []string{"html-200:3x*"}, fails: "Graph.Unavailable"},
		"a page without value":                            {faults: []string{"no-value:3"}, retries: 1},
		"a page without value without end":                {faults: []string{"no-value:3x*"}, fails: "Graph.Unavailable"},
		"an error with status 200":                        {faults: []string{"error-200:3"}, retries: 1},
		"a redirect":                                      {faults: []string{"redirect:3"}, fails: "Graph.Unavailable"},
		"a reset before the headers":                      {faults: []string{"reset-before-headers:3"}, retries: 1},
		"a response that never comes":                     {faults: []string{"stall-headers:3"}, retries: 1},
		"a reset among the users":                         {faults: []string{"reset:3"}, retries: 1},
		"a reset on every page":                           {faults: []string{"reset"}, retries: 6},
		"a reset without end":                             {faults: []string{"reset:3x*"}, fails: "Graph.Unavailable"},
		"a body that ends early":                          {faults: []string{"truncate:3"}, retries: 1},
		"a body that is cut and looks ended":              {faults: []string{"truncate-clean:3"}, retries: 1},
		"a body cut without end":                          {faults: []string{"truncate-clean:3x*"}, fails: "Graph.Unavailable"},
		"a body that stalls":                              {faults: []string{"stall:3"}, retries: 1},
		"a body that comes slowly":                        {faults: []string{"slow-body:3"}},
		"a syntax error among the users":                  {faults: []string{"malformed-json:3"}, retries: 1},
		"a syntax error without end":                      {faults: []string{"malformed-json:3x*"}, fails: "Graph.Unavailable"},
		"an error in the middle of the users":             {faults: []string{"in-stream-error:3"}, retries: 1},
		"a user without an id":                            {faults: []string{"no-id:3"}, retries: 1},
		"an empty page in the middle":                     {faults: []string{"empty-page:3"}},
		"the link behind the users":                       {faults: []string{"link-after-value"}},
		"the link behind the users of a body that breaks": {faults: []string{"link-after-value", "reset:4"}, retries: 1},
		"a page that links to itself":                     {faults: []string{"loop:3"}, fails: "Snapshot.Incomplete", passes: 5},
		"a circle of pages":                               {faults: []string{"loop-long:6"}, fails: "Snapshot.Incomplete", passes: 5},
		"a link to a foreign host":                        {faults: []string{"foreign-host:3"}, fails: "Graph.Unavailable"},
		"a link to http":                                  {faults: []string{"foreign-scheme:3"}, fails: "Graph.Unavailable"},
		"a link to another collection":                    {faults: []string{"foreign-path:3"}, fails: "Graph.Unavailable"},
		"a link with Graph's host as a user name":         {faults: []string{"userinfo-host:3"}, fails: "Graph.Unavailable"},
		"an expired page token":                           {faults: []string{"expired-token:4"}, passes: 2},
		"an expired page token each time":                 {faults: []string{"expired-token:4x*"}, fails: "Snapshot.Incomplete", passes: 5},
		"a page token poisoned by a retry":                {faults: []string{"poisoned-token:4"}, retries: 1},
		"a page token poisoned with no undisturbed page":  {faults: []string{"503:1", "poisoned-token:2"}, retries: 2, passes: 2},
		"a chain that ends early":                         {faults: []string{"early-end:6"}, fails: "Snapshot.Incomplete", passes: 2},
		"a lost page":                                     {faults: []string{"lost-page:6"}, fails: "Snapshot.Incomplete", passes: 2},
		"an exhausted quota in sight":                     {faults: []string{"governor"}},
		"a count that lags":                               {faults: []string{"count-lag"}},
		"a count that is throttled to the end":            {faults: []string{"count-throttled"}, fails: "Graph.Throttled"},
		"a 500 on the count":                              {faults: []string{"500@count"}, retries: 1},
		"a 429 on the count":                              {faults: []string{"429-date@count"}, retries: 1},
		"everything at once":                              {faults: []string{"401:2", "429-seconds:3", "reset:4", "stall:5", "503:6", "truncate-clean:7", "malformed-json:8", "expired-token:9"}, retries: 4, passes: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := read(t, t.Context(), simulator.Config{Users: users, Faults: listtest.Faults(t, day.faults...)}, listtest.Request())
				if day.fails != "" {
					r.mustFail(t, day.fails)
				} else {
					r.mustBeComplete(t, users)
					if !r.report.Verified {
						t.Errorf("not verified: %+v", r.report)
					}
				}
				if r.report.Retries < day.retries {
					t.Errorf("%d retries, want at least %d", r.report.Retries, day.retries)
				}
				if want := max(1, day.passes); r.report.Passes != want {
					t.Errorf("%d passes, want %d (%v)", r.report.Passes, want, r.err)
				}
			})
		})
	}
}

func TestDuplicatesAcrossPagesAreDeliveredOnceAndReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := read(t, t.Context(), simulator.Config{Users: 1050, Faults: listtest.Faults(t, "duplicate")}, listtest.Request())
		r.mustBeComplete(t, 1050)
		if r.report.Duplicates != 10 || !r.report.Verified {
			t.Errorf("duplicates %d, verified %t; want 10, true", r.report.Duplicates, r.report.Verified)
		}
	})
}

func TestPagesReadAgainAfterAPoisonedTokenAreNoDuplicates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := read(t, t.Context(), simulator.Config{Users: 1050, Faults: listtest.Faults(t, "poisoned-token:4")}, listtest.Request())
		r.mustBeComplete(t, 1050)
		if r.report.Duplicates != 0 || r.report.Passes != 1 {
			t.Errorf("duplicates %d, passes %d; want 0, 1", r.report.Duplicates, r.report.Passes)
		}
	})
}
