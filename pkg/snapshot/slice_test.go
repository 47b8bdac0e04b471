package snapshot_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

func TestALostPageTokenDiscardsWhatEarlierSlicesHaveWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 4000, Latency: time.Second, Faults: listtest.Faults(t, "expired-token:30")})
		asked, _, err := f.slices(t, f.snapshot(), snapshot.Input{Run: "r"}, 20*time.Second)
		if err != nil || sliceNumber(asked) < 3 {
			t.Fatalf("at %+v: %v", asked, err)
		}
		m := f.wantPublished(t, "r")
		if m.Passes != 2 {
			t.Errorf("%d passes", m.Passes)
		}
		f.wantOnlyNamedParts(t, m)
	})
}

func TestAPageTokenThatExpiresBetweenSlicesStartsTheListOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 3000, Latency: time.Second, TokenMaxAge: 5 * time.Minute})
		first := f.park(t, f.snapshot(), "r", 15*time.Second)
		time.Sleep(time.Hour)
		f.churn(t, 1) // those who leave are in the parts of the first slice
		f.complete(t, f.snapshot(), snapshot.Input{Resume: first.Resume}, 15*time.Second)
		m := f.wantPublished(t, "r")
		if m.Passes != 2 || m.Duplicates != 0 {
			t.Errorf("%+v", m)
		}
		f.wantOnlyNamedParts(t, m)
	})
}

// TestAPageTokenThatExpiresEveryTimeEndsTheRunWhichCanBeRetried loses the token of every
// pass, in one slice and over several.
func TestAPageTokenThatExpiresEveryTimeEndsTheRunWhichCanBeRetried(t *testing.T) {
	for name, limit := range map[string]time.Duration{"within a slice": noLimit, "between slices": sliceLimit(1)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newPublishedFixture(t)
				f.churn(t, 1)
				f.addFault(t, "expired-token:5x5")
				asked, _, err := f.slices(t, f.buffered(), snapshot.Input{Run: "new"}, limit)
				wantError(t, err, "Snapshot.Incomplete")
				f.wantLatest(t, "old", smallTenant)
				f.complete(t, f.buffered(), asked, limit)
				f.wantOnlyNamedParts(t, f.wantPublished(t, "new"))
			})
		})
	}
}

func TestABadPageTokenLosesNobody(t *testing.T) {
	for _, fault := range []string{"poisoned-token:3", "poisoned-token:5", "expired-token:2", "expired-token:6"} {
		for _, parallel := range []int{1, 4} {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, simulator.Config{Users: smallTenant, Latency: time.Second, Faults: listtest.Faults(t, fault)})
				f.setPartitions(parallel)
				f.complete(t, f.buffered(), snapshot.Input{Run: "r"}, 2*sliceLimit(parallel))
				if m := f.wantPublished(t, "r"); m.Duplicates > parallel {
					t.Errorf("%s in %d partitions: %d duplicates", fault, parallel, m.Duplicates)
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
		"the page takes too long":       {simulator.Config{Users: 500, Latency: time.Minute}, "Graph.Unavailable"},
		"the first page is throttled":   {simulator.Config{Users: 500, Faults: listtest.Faults(t, "429-seconds:1x*")}, "Graph.Throttled"},
		"the count is throttled":        {simulator.Config{Users: 500, Faults: listtest.Faults(t, "count-throttled")}, "Graph.Throttled"},
		"the page arrives byte by byte": {simulator.Config{Users: 500, Bandwidth: 1000}, "Graph.Unavailable"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, parallel := range []int{1, 4} {
				synctest.Test(t, func(t *testing.T) {
					f := newFixture(t, c.cfg)
					f.request.Parallel = parallel
					result, err := f.slice(t, f.buffered(), snapshot.Input{Run: "r"}, 6*time.Second)
					if err == nil {
						t.Fatalf("%+v", result)
					}
					wantError(t, err, c.want)
					if keys := append(f.memory.Keys(), f.stateKeys(t, "run=r/checkpoint.json")...); len(keys) > 0 {
						t.Errorf("it left %v", keys)
					}
				})
			}
		})
	}
}

// TestASliceThrottledForTooLongParksOnce resumes where it was throttled, and fails if it is
// still throttled there.
func TestASliceThrottledForTooLongParksOnce(t *testing.T) {
	for fault, fails := range map[string]bool{"429-seconds:5x1": false, "429-seconds:5x2": true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, simulator.Config{Users: 800, Faults: listtest.Faults(t, fault)})
			first := f.park(t, f.buffered(), "r", 6*time.Second)
			if first.Pages != 4 || first.Users != 400 {
				t.Fatalf("%+v", first)
			}
			second := snapshot.Input{Resume: first.Resume}
			if fails {
				f.fail(t, f.buffered(), second, 6*time.Second, "Graph.Throttled")
			}
			if _, err := f.slice(t, f.buffered(), second, 6*time.Second); err != nil {
				t.Fatal(err)
			}
			f.wantPublished(t, "r")
		})
	}
}

// TestPagesReadBeforeALongOutageAreKept has Graph unavailable, or throttling, for longer than
// requests are retried: after some pages and without any deadline.
func TestPagesReadBeforeALongOutageAreKept(t *testing.T) {
	for fault, name := range map[string]string{"503:9x20": "Graph.Unavailable", "429-absent:9x20": "Graph.Throttled"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, simulator.Config{Users: 2000, Faults: listtest.Faults(t, fault)})
			first, err := f.snapshot().Run(t.Context(), snapshot.Input{Run: "r"})
			if err != nil || first.Status != snapshot.Continue || first.Pages != 8 || first.Users != 800 {
				t.Fatalf("after eight pages the answer is %+v, %v", first, err)
			}
			second := snapshot.Input{Resume: first.Resume}
			_, err = f.snapshot().Run(t.Context(), second)
			wantError(t, err, name) // a slice that completes no page fails
			time.Sleep(time.Hour)
			f.complete(t, f.snapshot(), second, noLimit)
			if m := f.wantPublished(t, "r"); m.Passes != 1 || m.Duplicates != 0 {
				t.Errorf("%+v", m)
			}
		})
	}
}

// TestCredentialsThatFailWithinAListLeaveTheLastOne has Graph refuse three tokens on the
// ninth page, each twice, which is as many as a request tries.
func TestCredentialsThatFailWithinAListLeaveTheLastOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 2000})
		f.publish(t, "good")
		before := f.memory.Keys()
		f.setTenant(t, simulator.Config{Users: 2000, Faults: listtest.Faults(t, "401:9x6")})
		f.fail(t, f.snapshot(), snapshot.Input{Run: "next"}, noLimit, "Credentials.Rejected")
		f.wantLatest(t, "good", 2000)
		if after := f.memory.Keys(); len(after) != len(before) || f.memory.Pending() > 0 {
			t.Errorf("%d objects before, %d after; %d uploads are open", len(before), len(after), f.memory.Pending())
		}
		f.publish(t, "next")
		f.wantPublished(t, "next")
	})
}

// TestASliceThatEndsWithinAPageDeliversNobodyTwice stalls within a page, or within those of
// two partitions, until the time is over.
func TestASliceThatEndsWithinAPageDeliversNobodyTwice(t *testing.T) {
	for parallel, fault := range map[int]string{1: "stall:3", 4: "stall:3x2"} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, simulator.Config{Users: 1600, Faults: listtest.Faults(t, fault)})
			f.request.Parallel, f.eachUser = parallel, true
			first := f.park(t, f.buffered(), "r", 10*time.Second)
			if first.Users%100 == 0 {
				t.Fatalf("%+v", first)
			}
			f.complete(t, f.buffered(), snapshot.Input{Resume: first.Resume}, noLimit)
			if m := f.wantPublished(t, "r"); m.Duplicates > 0 {
				t.Errorf("%+v", m)
			}
			if events := len(f.bus.events); events != 1601 {
				t.Errorf("%d events, want one for each user and one for the list", events)
			}
		})
	}
}

func TestAnOptionalColumnRefusedInAnEarlierSliceStaysOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 800, Latency: time.Second, Faults: listtest.Faults(t, "expired-token:5")})
		f.request.Columns = listtest.Columns("id", "displayName", "signInActivity?")
		asked, _, err := f.slices(t, f.buffered(), snapshot.Input{Run: "r"}, 12*time.Second)
		if err != nil || sliceNumber(asked) < 2 {
			t.Fatalf("at %+v: %v", asked, err)
		}
		if m := f.wantPublished(t, "r"); len(m.MissingColumns) != 1 || m.MissingColumns[0] != "signInActivity" || m.Passes != 2 {
			t.Errorf("%+v", m)
		}
	})
}
