package snapshot_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

func TestAPageTokenThatExpiresBetweenSlicesBeginsTheListAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 3000, Latency: time.Second, TokenMaxAge: 5 * time.Minute})
		first, err := w.slice(t, w.snapshot(), snapshot.Input{Run: "r"}, 15*time.Second)
		if err != nil || first.Status != snapshot.Continue {
			t.Fatalf("%+v, %v", first, err)
		}
		time.Sleep(time.Hour)
		w.change(t, 1) // whoever left is in the parts of the first slice
		_, _, err = w.slices(t.Context(), w.snapshot(), snapshot.Input{Resume: first.Resume}, 15*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		m := w.mustHold(t, "r")
		if m.Passes != 2 || m.Duplicates != 0 {
			t.Errorf("%+v", m)
		}
		w.mustKeepOneSet(t, m)
	})
}

// TestATokenThatAlwaysExpiresEndsTheRunAndTheRunCanBeAskedForAgain loses the token
// of every pass, in one slice and over several.
func TestATokenThatAlwaysExpiresEndsTheRunAndTheRunCanBeAskedForAgain(t *testing.T) {
	for name, limit := range map[string]time.Duration{"within slices": time.Hour, "between slices": 6 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := small(t)
				w.change(t, 1)
				w.tenant.AddFault(simulator.Fault{Name: "expired-token", Page: 5, Times: 5})
				asked, _, err := w.slices(t.Context(), w.buffered(), snapshot.Input{Run: "new"}, limit)
				mustBeCalled(t, err, "Snapshot.Incomplete")
				if m, _ := w.latest(t); m.Run != "old" {
					t.Errorf("latest is run %s", m.Run)
				}
				if _, _, err = w.slices(t.Context(), w.buffered(), asked, limit); err != nil {
					t.Fatal(err)
				}
				w.mustKeepOneSet(t, w.mustHold(t, "new"))
			})
		})
	}
}

func TestAPoisonedLinkCostsNobody(t *testing.T) {
	for _, fault := range []string{"poisoned-token:3", "poisoned-token:5", "expired-token:2", "expired-token:6"} {
		for _, parallel := range []int{1, 4} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, simulator.Config{Users: killUsers, Latency: time.Second, Faults: listtest.Faults(t, fault)})
				w.ranges(parallel)
				if _, _, err := w.slices(t.Context(), w.buffered(), snapshot.Input{Run: "r"}, 2*sliceLimit(parallel)); err != nil {
					t.Fatalf("%s with %d ranges: %v", fault, parallel, err)
				}
				if m := w.mustHold(t, "r"); m.Duplicates > parallel {
					t.Errorf("%s with %d ranges: %d duplicates", fault, parallel, m.Duplicates)
				}
			})
		}
	}
}

func TestASliceThatCompletesNoPageFails(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  simulator.Config
		want string
	}{
		"the page takes too long":             {simulator.Config{Users: 500, Latency: time.Minute}, "Graph.Unavailable"},
		"the first page is throttled":         {simulator.Config{Users: 500, Faults: listtest.Faults(t, "429-seconds:1x*")}, "Graph.Throttled"},
		"the count is throttled":              {simulator.Config{Users: 500, Faults: listtest.Faults(t, "count-throttled")}, "Graph.Throttled"},
		"the page comes in, but byte by byte": {simulator.Config{Users: 500, Bandwidth: 1000}, "Graph.Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, parallel := range []int{1, 4} {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, c.cfg)
					w.request.Parallel = parallel
					result, err := w.slice(t, w.buffered(), snapshot.Input{Run: "r"}, 6*time.Second)
					if err == nil {
						t.Fatalf("%+v", result)
					}
					mustBeCalled(t, err, c.want)
					if len(w.kept.Keys()) > 0 || w.holds("run=r/checkpoint.json") {
						t.Error("it left something behind")
					}
				})
			}
		})
	}
}

// TestASliceThatIsThrottledForTooLongParksOnce goes on where it was throttled, and
// fails if it is still throttled there.
func TestASliceThatIsThrottledForTooLongParksOnce(t *testing.T) {
	for _, times := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, simulator.Config{Users: 800, Faults: []simulator.Fault{{Name: "429-seconds", Page: 5, Times: times}}})
			first, err := w.slice(t, w.buffered(), snapshot.Input{Run: "r"}, 6*time.Second)
			if err != nil || first.Status != snapshot.Continue || first.Pages != 4 || first.Users != 400 {
				t.Fatalf("%+v, %v", first, err)
			}
			second, err := w.slice(t, w.buffered(), snapshot.Input{Resume: first.Resume}, 6*time.Second)
			if times == 2 {
				if err == nil {
					t.Fatalf("%+v", second)
				}
				mustBeCalled(t, err, "Graph.Throttled")
				if _, err = w.slice(t, w.buffered(), snapshot.Input{Resume: first.Resume}, 6*time.Second); err != nil {
					t.Fatal(err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			w.mustHold(t, "r")
		})
	}
}

// TestASliceThatEndsWithinAPageMeetsNobodyTwice stalls in the middle of a page until
// the time is over.
func TestASliceThatEndsWithinAPageMeetsNobodyTwice(t *testing.T) {
	for _, parallel := range []int{1, 4} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, simulator.Config{Users: 1600, Faults: listtest.Faults(t, "stall:3")})
			w.request.Parallel, w.each = parallel, true
			first, err := w.slice(t, w.buffered(), snapshot.Input{Run: "r"}, 10*time.Second)
			if err != nil || first.Status != snapshot.Continue || first.Users%100 == 0 {
				t.Fatalf("%+v, %v", first, err)
			}
			if _, _, err = w.slices(t.Context(), w.buffered(), snapshot.Input{Resume: first.Resume}, time.Hour); err != nil {
				t.Fatal(err)
			}
			if m := w.mustHold(t, "r"); m.Duplicates > 0 {
				t.Errorf("%+v", m)
			}
			if events := len(w.box.events); events != 1601 {
				t.Errorf("%d events", events)
			}
		})
	}
}

// TestAListWhoseCountCatchesUpLaterIsProvenByTheNextSlice parks between reading and
// counting.
func TestAListWhoseCountCatchesUpLaterIsProvenByTheNextSlice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 500, Count: func(request, truth int) int {
			if request < 3 {
				return truth - 60
			}
			return truth
		}})
		first, err := w.slice(t, w.buffered(), snapshot.Input{Run: "r"}, 4*time.Second)
		if err != nil || first.Status != snapshot.Continue || first.Users != 500 || first.Verified {
			t.Fatalf("%+v, %v", first, err)
		}
		w.tenant.ForgetRequests()
		last, err := w.slice(t, w.buffered(), snapshot.Input{Resume: first.Resume}, time.Minute)
		if err != nil || !last.Verified {
			t.Fatalf("%+v, %v", last, err)
		}
		for _, q := range w.tenant.Requests() {
			if q.Kind == "list" {
				t.Error("the list was read again")
			}
		}
		w.mustHold(t, "r")
	})
}

// TestAListThatNeverAgreesEnds also where each slice is too short to count again.
func TestAListThatNeverAgreesEnds(t *testing.T) {
	for _, limit := range []time.Duration{4 * time.Second, 30 * time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, simulator.Config{Users: 500, Count: func(_, truth int) int { return truth + 60 }})
			asked, _, err := w.slices(t.Context(), w.buffered(), snapshot.Input{Run: "r"}, limit)
			mustBeCalled(t, err, "Snapshot.Incomplete")
			if sliceOf(asked) > 5 {
				t.Errorf("it took %d slices", sliceOf(asked))
			}
			if m, _ := w.latest(t); m != nil {
				t.Errorf("%+v was published", m)
			}
		})
	}
}

// emptyPages answers every list with an empty page and another link.
type emptyPages struct {
	http.RoundTripper
	pages int
}

func (e *emptyPages) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/users") {
		return e.RoundTripper.RoundTrip(r)
	}
	e.pages++
	time.Sleep(time.Second)
	body := fmt.Sprintf(`{"@odata.nextLink":"https://graph.microsoft.com/v1.0/users?$skiptoken=%d","value":[]}`, e.pages)
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

// through puts a transport between the world and its tenant.
func (w *world) through(t *testing.T, wrap func(http.RoundTripper) http.RoundTripper) {
	t.Helper()
	transport := wrap(w.tenant.Transport())
	client, err := graph.New(graph.Config{
		BaseURL: "https://graph.microsoft.com", Tokens: w.tenant.TokenSource(transport), Transport: transport,
		Log: slog.New(slog.NewJSONHandler(&w.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.client = client
}

// TestPagesOfNobodyWithoutEndEndTheRun over slices that are each too short to see
// it.
func TestPagesOfNobodyWithoutEndEndTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, simulator.Config{Users: 500})
		w.through(t, func(rt http.RoundTripper) http.RoundTripper { return &emptyPages{RoundTripper: rt} })
		asked, _, err := w.slices(t.Context(), w.buffered(), snapshot.Input{Run: "r"}, 10*time.Minute)
		mustBeCalled(t, err, "Snapshot.Incomplete")
		if sliceOf(asked) < 5 {
			t.Errorf("only %d slices: this shows nothing", sliceOf(asked))
		}
	})
}
