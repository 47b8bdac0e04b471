package list_test

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"math/rand/v2"
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

func TestEightRangesSideBySideAreSixTimesAsFastWhereLatencyDominates(t *testing.T) {
	took := map[int]time.Duration{}
	for _, n := range []int{1, 8} {
		synctest.Test(t, func(t *testing.T) {
			r := read(t, t.Context(), simulator.Config{Users: 60_000, Latency: 300 * time.Millisecond}, listtest.Parallel(n))
			r.mustBeComplete(t, 60_000)
			took[n] = r.took
		})
	}
	if ratio := float64(took[1]) / float64(took[8]); ratio < 6 {
		t.Errorf("one chain took %s, eight ranges %s: %.1f times faster, want 6", took[1], took[8], ratio)
	} else {
		t.Logf("one chain took %s, eight ranges %s: %.1f times faster", took[1], took[8], ratio)
	}
}

func TestRangesLeaveNobodyOutWhateverTheOrderOfNames(t *testing.T) {
	for order, compare := range orders() {
		for crowd, names := range crowds() {
			ranges := 2 + (len(order)+len(crowd))%4
			synctest.Test(t, func(t *testing.T) {
				s := &shelf{names: names, order: compare}
				met, report, err := s.list(t, ranges)
				if err != nil || !report.Verified || report.Passes != 1 {
					t.Errorf("%s, %s, %d ranges: %+v, %v", crowd, order, ranges, report, err)
				}
				s.mustBeAll(t, met)
			})
		}
	}
}

// TestRangesLeaveNobodyOutWhateverTheirCounts answers for a range with any number.
func TestRangesLeaveNobodyOutWhateverTheirCounts(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			random := func(truth, n int) int { return rand.New(rand.NewPCG(seed, uint64(truth))).IntN(n) }
			lies := []func(int) int{
				func(int) int { return 0 }, func(int) int { return 1 << 30 }, func(n int) int { return 2 * n },
				func(n int) int { return random(n, 200) }, func(n int) int { return n + random(n, 9) },
			}
			s := &shelf{names: crowds()["mixed"], order: strings.Compare, count: lies[seed%5]}
			met, report, err := s.list(t, 2+int(seed%7))
			if err != nil || !report.Verified {
				t.Errorf("seed %d: %+v, %v", seed, report, err)
			}
			s.mustBeAll(t, met)
		})
	}
}

func TestAUserOnABoundComesOnceAndIsADuplicate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{names: crowds()["letters"], order: strings.Compare}
		met, report, err := s.list(t, 6)
		if err != nil || report.Duplicates == 0 || report.Duplicates > 5 {
			t.Errorf("%+v, %v", report, err)
		}
		s.mustBeAll(t, met)
	})
}

func TestAUserLostBetweenRangesIsFoundByReadingOneChain(t *testing.T) {
	for _, name := range []string{"user7@x", "Müller.3@x"} {
		synctest.Test(t, func(t *testing.T) {
			s := &shelf{names: crowds()["mixed"], order: strings.Compare, hides: name}
			met, report, err := s.list(t, 4)
			if err != nil || !report.Verified || report.Passes != 2 {
				t.Errorf("%+v, %v", report, err)
			}
			s.mustBeAll(t, met)
		})
	}
}

// ranged counts the list requests that ask for a range.
func ranged(tenant *simulator.Tenant) (ranges, all int) {
	for _, q := range tenant.Requests() {
		if q.Kind == "list" {
			all++
			if strings.Contains(q.RawQuery, "userPrincipalName+") {
				ranges++
			}
		}
	}
	return ranges, all
}

func TestRangesKeepTheFilterAndTheManager(t *testing.T) {
	for _, filter := range []string{"", "accountEnabled eq true", "department eq 'Sales' or userType eq 'Guest' or accountEnabled eq false"} {
		for _, names := range [][]string{nil, {"id", "displayName", "manager"}} {
			synctest.Test(t, func(t *testing.T) {
				var lists []map[string]bool
				for _, n := range []int{1, 4} {
					q := listtest.Parallel(n)
					q.Filter, q.Columns, q.PageSize = filter, listtest.Columns(names...), 20
					r := read(t, t.Context(), simulator.Config{Users: 2000}, q)
					if r.err != nil || !r.report.Verified || r.report.Passes != 1 {
						t.Fatalf("%q by %d: %v, %+v", filter, n, r.err, r.report)
					}
					users := map[string]bool{}
					for _, user := range r.users {
						users[user] = true
					}
					lists = append(lists, users)
				}
				if !maps.Equal(lists[0], lists[1]) || len(lists[0]) == 0 {
					t.Errorf("%q: one chain has %d users, four ranges have %d, or other ones", filter, len(lists[0]), len(lists[1]))
				}
			})
		}
	}
}

func TestAListTooSmallOrSortedIsNotDivided(t *testing.T) {
	sorted, searched := listtest.Parallel(4), listtest.Parallel(4)
	sorted.OrderBy = "displayName"
	searched.Search = `"displayName:a"`
	for name, c := range map[string]struct {
		users   int
		request list.Request
	}{
		"few users":      {400, listtest.Parallel(4)},
		"sorted":         {2000, sorted},
		"searched":       {2000, searched},
		"nothing to ask": {2000, listtest.Parallel(0)},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := read(t, t.Context(), simulator.Config{Users: c.users}, c.request)
			if n, all := ranged(r.tenant); n > 0 || all == 0 || r.err != nil {
				t.Errorf("%s: %d of %d requests ask for a range, %v", name, n, all, r.err)
			}
		})
	}
}

// TestAnErrorInOneRangeEndsAll with that error, not with what it caused.
func TestAnErrorInOneRangeEndsAll(t *testing.T) {
	for fault, want := range map[string]string{
		"403": "Graph.AccessDenied", "429-seconds:3x*": "Graph.Throttled", "500:2x*": "Graph.Unavailable",
		"reset:3x*": "Graph.Unavailable", "foreign-host:2": "Graph.Unavailable", "401:4x*": "Credentials.Rejected",
	} {
		synctest.Test(t, func(t *testing.T) {
			r := read(t, t.Context(), simulator.Config{Users: 3000, Latency: 100 * time.Millisecond, Faults: listtest.Faults(t, fault)}, listtest.Parallel(4))
			r.mustFail(t, want)
		})
	}
}

// ranges is a list by ranges of a tenant.
func ranges(t *testing.T, cfg simulator.Config) *list.List {
	t.Helper()
	tenant := simulator.New(cfg)
	transport := tenant.Transport()
	client, err := graph.New(graph.Config{
		BaseURL: "https://graph.microsoft.com", Tokens: tenant.TokenSource(transport), Transport: transport, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.New(client, listtest.Parallel(4), nil)
}

// TestAReaderMayLeaveRanges: a goroutine that stayed behind would fail the test.
func TestAReaderMayLeaveRanges(t *testing.T) {
	cfg := simulator.Config{Users: 3000, Latency: 50 * time.Millisecond}
	for _, n := range []int{1, 99, 100, 101, 1500, 2999, 3000} {
		synctest.Test(t, func(t *testing.T) {
			listing := ranges(t, cfg)
			left := n
			for _, err := range listing.Users(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if left--; left == 0 {
					break
				}
			}
			if listing.Report().Verified {
				t.Error("a list that was left has a proof")
			}
		})
		synctest.Test(t, func(t *testing.T) {
			listing := ranges(t, cfg)
			defer func() {
				if recover() == nil {
					t.Error("the panic was lost")
				}
			}()
			left := n
			for _, err := range listing.Users(t.Context()) {
				if left--; left == 0 || err != nil {
					panic("the reader fell over")
				}
			}
		})
	}
}

func TestRangesEndWithTheirContext(t *testing.T) {
	cause := errors.New("enough")
	for _, after := range []time.Duration{0, 120 * time.Millisecond, time.Second, 1550 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(after, func() { cancel(cause) })
			var last error
			for _, err := range ranges(t, simulator.Config{Users: 5000, Latency: 100 * time.Millisecond}).Users(ctx) {
				last = err
			}
			if !errors.Is(last, cause) {
				t.Errorf("after %s: %v", after, last)
			}
		})
	}
}

// TestNoStormOfFaultsMakesRangesLookWhole is the storm of churn_test.go on ranges.
func TestNoStormOfFaultsMakesRangesLookWhole(t *testing.T) {
	kinds := []string{
		"401", "cae", "429-seconds", "500", "503", "html-200", "no-value", "reset-before-headers", "expired-token", "reset", "truncate",
		"truncate-clean", "stall", "malformed-json", "in-stream-error", "empty-page", "link-after-value", "poisoned-token", "duplicate",
		"early-end", "lost-page", "loop", "foreign-host", "count-lag", "500@count",
	}
	complete, failed := 0, 0
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			var chosen []simulator.Fault
			for range 1 + random.IntN(4) {
				f := listtest.Faults(t, kinds[random.IntN(len(kinds))])[0]
				if f.On == "" && f.Name != "count-lag" {
					f.Page = 1 + random.IntN(5)
				}
				chosen = append(chosen, f)
			}
			users := 600 + random.IntN(900)
			q := listtest.Parallel(2 + random.IntN(6))
			q.PageSize = 50
			r := read(t, t.Context(), simulator.Config{
				Users: users, Faults: chosen, Latency: time.Duration(random.IntN(300)) * time.Millisecond,
			}, q)
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
	if complete < 5 || failed < 5 {
		t.Errorf("%d lists were complete and %d failed: the mixture shows nothing", complete, failed)
	}
}

// TestARangeThatCannotBeCountedFailsTheList and leaves no count behind.
func TestARangeThatCannotBeCountedFailsTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := simulator.New(simulator.Config{Users: 2000, Latency: time.Second})
		client, err := graph.New(graph.Config{
			BaseURL: "https://graph.microsoft.com", Tokens: tenant.TokenSource(tenant.Transport()), Transport: &noRanges{tenant.Transport()},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for _, err = range list.New(client, listtest.Parallel(4), nil).Users(ctx) {
		}
		if err == nil || failure.Of(err).Name != "Graph.Unavailable" {
			t.Errorf("the list ended with %v", err)
		}
		asked := len(tenant.Requests())
		time.Sleep(time.Hour)
		if len(tenant.Requests()) > asked {
			t.Error("counts went on")
		}
	})
}

// noRanges fails to count ranges.
type noRanges struct{ http.RoundTripper }

func (n *noRanges) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/$count") && r.URL.RawQuery != "" {
		time.Sleep(time.Duration(len(r.URL.RawQuery)) * time.Second)
		resp := replied(r, `{"error":{"code":"x"}}`)
		resp.StatusCode = http.StatusNotExtended
		return resp, nil
	}
	return n.RoundTripper.RoundTrip(r)
}
