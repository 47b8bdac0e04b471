package list_test

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// TestEveryFaultEndsInACompleteListOrAClearError reads eleven pages under one fault at a
// time.
func TestEveryFaultEndsInACompleteListOrAClearError(t *testing.T) {
	const users = 1050
	for name, c := range map[string]struct {
		faults  []string
		fails   string // the error's public name; "" means complete
		retries int    // at least
		passes  int    // 0 means 1
	}{
		"no fault":                                       {},
		"a token refused for no reason":                  {faults: []string{"401:3"}},
		"a claims challenge":                             {faults: []string{"cae:4"}},
		"a token refused every time":                     {faults: []string{"401:3x*"}, fails: "Credentials.Rejected"},
		"no permission":                                  {faults: []string{"403"}, fails: "Graph.AccessDenied"},
		"throttled for whole seconds":                    {faults: []string{"429-seconds:2"}, retries: 1},
		"throttled for decimal seconds":                  {faults: []string{"429-decimal:2"}, retries: 1},
		"throttled until a date":                         {faults: []string{"429-date:2"}, retries: 1},
		"throttled without a time":                       {faults: []string{"429-absent:2"}, retries: 1},
		"throttled six times in a row":                   {faults: []string{"429-storm:5"}, retries: 6},
		"throttled forever":                              {faults: []string{"429-seconds:5x*"}, fails: "Graph.Throttled"},
		"a 500":                                          {faults: []string{"500:3"}, retries: 1},
		"a gateway's HTML":                               {faults: []string{"502-html:3"}, retries: 1},
		"a 503":                                          {faults: []string{"503:3"}, retries: 1},
		"a 503 with a time":                              {faults: []string{"503-retry-after:3"}, retries: 1},
		"a 504":                                          {faults: []string{"504:3"}, retries: 1},
		"a 500 on every page":                            {faults: []string{"500"}, retries: 11},
		"a 500 every time":                               {faults: []string{"500:3x*"}, fails: "Graph.Unavailable"},
		"an error without a code":                        {faults: []string{"empty-code:3"}, retries: 1},
		"HTML with status 200":                           {faults: []string{"html-200:3"}, retries: 1},
		"HTML with status 200 every time":                {faults: []string{"html-200:3x*"}, fails: "Graph.Unavailable"},
		"a page without value":                           {faults: []string{"no-value:3"}, retries: 1},
		"a page without value every time":                {faults: []string{"no-value:3x*"}, fails: "Graph.Unavailable"},
		"an error with status 200":                       {faults: []string{"error-200:3"}, retries: 1},
		"a redirect":                                     {faults: []string{"redirect:3"}, fails: "Graph.Unavailable"},
		"a reset before the headers":                     {faults: []string{"reset-before-headers:3"}, retries: 1},
		"a response that never comes":                    {faults: []string{"stall-headers:3"}, retries: 1},
		"a reset among the users":                        {faults: []string{"reset:3"}, retries: 1},
		"a reset on every page":                          {faults: []string{"reset"}, retries: 6},
		"a reset every time":                             {faults: []string{"reset:3x*"}, fails: "Graph.Unavailable"},
		"a body that ends early":                         {faults: []string{"truncate:3"}, retries: 1},
		"a truncated body that ends cleanly":             {faults: []string{"truncate-clean:3"}, retries: 1},
		"a truncated body every time":                    {faults: []string{"truncate-clean:3x*"}, fails: "Graph.Unavailable"},
		"a body that stalls":                             {faults: []string{"stall:3"}, retries: 1},
		"a slow body":                                    {faults: []string{"slow-body:3"}},
		"a syntax error among the users":                 {faults: []string{"malformed-json:3"}, retries: 1},
		"a syntax error every time":                      {faults: []string{"malformed-json:3x*"}, fails: "Graph.Unavailable"},
		"an error object among the users":                {faults: []string{"in-stream-error:3"}, retries: 1},
		"a user without an id":                           {faults: []string{"no-id:3"}, retries: 1},
		"an empty page in the middle":                    {faults: []string{"empty-page:3"}},
		"the link after the users":                       {faults: []string{"link-after-value"}},
		"the link after the users of a body that breaks": {faults: []string{"link-after-value", "reset:4"}, retries: 1},
		"a page that links to itself":                    {faults: []string{"loop:3"}, fails: "Snapshot.Incomplete", passes: 5},
		"pages that link in a circle":                    {faults: []string{"loop-long:6"}, fails: "Snapshot.Incomplete", passes: 5},
		"a link to a foreign host":                       {faults: []string{"foreign-host:3"}, fails: "Graph.Unavailable"},
		"a link to http":                                 {faults: []string{"foreign-scheme:3"}, fails: "Graph.Unavailable"},
		"a link to another collection":                   {faults: []string{"foreign-path:3"}, fails: "Graph.Unavailable"},
		"a link with Graph's host as its user name":      {faults: []string{"userinfo-host:3"}, fails: "Graph.Unavailable"},
		"an expired page token":                          {faults: []string{"expired-token:4"}, passes: 2},
		"a page token that expires every time":           {faults: []string{"expired-token:4x*"}, fails: "Snapshot.Incomplete", passes: 5},
		"a page token poisoned by a retry":               {faults: []string{"poisoned-token:4"}, retries: 1},
		"a page token poisoned by a retry on page 1":     {faults: []string{"503:1", "poisoned-token:2"}, retries: 2, passes: 2},
		"a list that ends early":                         {faults: []string{"early-end:6"}, fails: "Snapshot.Incomplete", passes: 2},
		"a lost page":                                    {faults: []string{"lost-page:6"}, fails: "Snapshot.Incomplete", passes: 2},
		"a quota nearly exhausted":                       {faults: []string{"governor"}},
		"a count that lags":                              {faults: []string{"count-lag"}},
		"a count that is throttled forever":              {faults: []string{"count-throttled"}, fails: "Graph.Throttled"},
		"a 500 on the count":                             {faults: []string{"500@count"}, retries: 1},
		"a 429 on the count":                             {faults: []string{"429-date@count"}, retries: 1},
		"everything at once":                             {faults: []string{"401:2", "429-seconds:3", "reset:4", "stall:5", "503:6", "truncate-clean:7", "malformed-json:8", "expired-token:9"}, retries: 4, passes: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := read(t, t.Context(), simulator.Config{Users: users, Faults: listtest.Faults(t, c.faults...)}, listtest.Request())
				if c.fails != "" {
					r.wantError(t, c.fails)
				} else {
					r.wantComplete(t, users)
					if !r.report.Verified {
						t.Errorf("not verified: %+v", r.report)
					}
				}
				if r.report.Retries < c.retries {
					t.Errorf("%d retries, want at least %d", r.report.Retries, c.retries)
				}
				if want := max(1, c.passes); r.report.Passes != want {
					t.Errorf("%d passes, want %d (%v)", r.report.Passes, want, r.err)
				}
			})
		})
	}
}

// TestNoMixtureOfFaultsMakesAShortListLookComplete reads many tenants, each under its own
// mixture of faults, in one partition and in several.
func TestNoMixtureOfFaultsMakesAShortListLookComplete(t *testing.T) {
	kinds := []string{
		"401", "cae", "429-seconds", "429-absent", "500", "502-html", "503", "504", "html-200", "no-value", "error-200",
		"reset-before-headers", "stall-headers", "expired-token", "reset", "truncate", "truncate-clean", "stall", "malformed-json",
		"in-stream-error", "no-id", "empty-page", "link-after-value", "poisoned-token", "duplicate", "early-end", "lost-page", "loop",
		"foreign-host", "count-lag", "500@count", "503@count",
	}
	for name, c := range map[string]struct {
		seeds    uint64
		pages    int // that may have a fault
		parallel bool
	}{
		"one partition":      {seeds: 80, pages: 9},
		"several partitions": {seeds: 40, pages: 5, parallel: true},
	} {
		t.Run(name, func(t *testing.T) {
			complete, failed := 0, 0
			for seed := range c.seeds {
				synctest.Test(t, func(t *testing.T) {
					random := rand.New(rand.NewPCG(seed, 1))
					var chosen []string
					for range 1 + random.IntN(6) {
						fault := kinds[random.IntN(len(kinds))]
						if !strings.Contains(fault, "count") && random.IntN(4) > 0 {
							fault += ":" + strconv.Itoa(1+random.IntN(c.pages))
						}
						chosen = append(chosen, fault)
					}
					users, request := 200+random.IntN(1300), listtest.Request()
					if c.parallel {
						request.Parallel, request.PageSize = 2+random.IntN(6), 50
					}
					r := read(t, t.Context(), simulator.Config{
						Users: users, Faults: listtest.Faults(t, chosen...), Latency: time.Duration(random.IntN(300)) * time.Millisecond,
					}, request)
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
			t.Logf("%d lists were complete, %d failed", complete, failed)
			if least := int(c.seeds) / 8; complete < least || failed < least {
				t.Error("the mixture shows nothing")
			}
		})
	}
}
