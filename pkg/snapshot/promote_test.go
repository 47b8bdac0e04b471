package snapshot_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// TestAnOlderRunThatEndsLastIsNotPromoted publishes a newer run, of the same day or of the
// next, at each call of an older one.
func TestAnOlderRunThatEndsLastIsNotPromoted(t *testing.T) {
	for _, later := range []time.Duration{time.Second, 24 * time.Hour} {
		overtake := func(t *testing.T, f *fixture) error {
			time.Sleep(later)
			f.publish(t, "newer")
			return nil
		}
		injection{do: overtake}.atEachCall(t, func(t *testing.T, f *fixture, i *interceptor) {
			result := f.complete(t, f.intercepted(i), snapshot.Input{Run: "older"}, noLimit)
			if result.Status != snapshot.Complete || result.Users != smallTenant {
				t.Fatalf("%+v", result)
			}
			if len(f.stateKeys(t, "run=newer/checkpoint.json")) == 0 {
				return // the older one was done before
			}
			m := f.wantPublished(t, "newer")
			f.wantTableOf(t, usersKey, "newer")
			f.wantTableOf(t, historyKey(m.StartedAt), "newer")
			known, _, err := f.state.Read(t.Context(), f.stateKeys(t, "/known/")[0])
			if err != nil || !strings.Contains(string(known), `"run":"newer"`) {
				t.Errorf("the baseline is %s, %v", known, err)
			}
			f.publish(t, "next") // the ids that it is compared with are there
		})
	}
}

// TestAnOlderRunHealsTheTableOfANewerOne that was killed before it had moved its table.
func TestAnOlderRunHealsTheTableOfANewerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		older := f.park(t, f.buffered(), "older", sliceLimit(1))
		i := &interceptor{before: func(op, key string) error {
			if op == "swap" && strings.HasPrefix(key, "users/") {
				return errKilled
			}
			return nil
		}}
		if _, _, err := f.slices(t, f.intercepted(i), snapshot.Input{Run: "newer"}, noLimit); !errors.Is(err, errKilled) {
			t.Fatal(err)
		}
		f.complete(t, f.buffered(), snapshot.Input{Resume: older.Resume}, noLimit)
		f.wantPublished(t, "newer")
		f.wantTableOf(t, usersKey, "newer")
	})
}

// TestARunThatNeverWasTheLatestIsNotInHistory ends a run of yesterday after one of today.
func TestARunThatNeverWasTheLatestIsNotInHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		yesterday := historyKey(time.Now())
		older := f.park(t, f.snapshot(), "older", sliceLimit(1))
		time.Sleep(24 * time.Hour)
		f.publish(t, "newer")
		f.complete(t, f.snapshot(), snapshot.Input{Resume: older.Resume}, noLimit)
		f.wantTableOf(t, yesterday, "old")
		f.wantPublished(t, "newer")
	})
}

// TestAClockThatRanAheadKeepsLaterRunsFromBeingPromoted until it is later everywhere.
func TestAClockThatRanAheadKeepsLaterRunsFromBeingPromoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		ahead := f.park(t, f.snapshot(), "ahead", sliceLimit(1))
		tomorrow := time.Now().UTC().Add(30 * time.Hour)
		if err := edit(t, f.state, checkpointKey("ahead"), setMember("startedAt", tomorrow)); err != nil {
			t.Fatal(err)
		}
		f.complete(t, f.snapshot(), snapshot.Input{Resume: ahead.Resume}, noLimit)
		if m := f.wantPublished(t, "ahead"); !m.StartedAt.Equal(tomorrow) {
			t.Fatalf("%+v", m)
		}
		time.Sleep(time.Hour)
		f.churn(t, 1)
		result := f.publish(t, "behind")
		if result.Superseded != "ahead" || f.announced("behind") {
			t.Errorf("%+v", result)
		}
		if !strings.Contains(f.log.String(), `"level":"WARN","msg":"a newer run is the latest one already`) {
			t.Error("there is no warning")
		}
		f.wantLatest(t, "ahead", smallTenant)
		f.wantTableOf(t, usersKey, "ahead")
		f.wantTableOf(t, historyKey(tomorrow), "ahead")
		time.Sleep(48 * time.Hour)
		f.publish(t, "later")
		f.wantPublished(t, "later")
	})
}

// TestTwoDestinationsGetTheSameList although the first attempt ended between them.
func TestTwoDestinationsGetTheSameList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 500})
		second := storetest.NewMemory()
		over := false
		both := f.buffered()
		d := both.Destinations[0]
		d.Store, d.Suffix, d.Format = outage(&over, calls("swap", "")).store(second), ".other", "other"
		d.Encode = func(w io.Writer, _ []string) (snapshot.Encoder, error) { return &lines{w: w}, nil }
		both.Destinations = append(both.Destinations, d)
		f.fail(t, both, snapshot.Input{Run: "r"}, noLimit, "Sink.Failed")
		if m, _ := f.latest(t); m != nil {
			t.Error("the first destination was promoted though the second one's manifest was refused")
		}
		over = true
		f.complete(t, both, snapshot.Input{Run: "r"}, noLimit)
		f.wantPublished(t, "r")
		f.memory = second
		if m := f.wantPublished(t, "r"); m.Format != "other" || !strings.HasSuffix(m.Objects[0].URL, ".other") {
			t.Errorf("%+v", m)
		}
		if len(f.bus.events) != 1 {
			t.Errorf("%d events", len(f.bus.events))
		}
	})
}

func TestWithoutADestinationTheManifestGoesToTheStateStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 500})
		s := f.snapshot()
		s.Destinations = nil
		result := f.complete(t, s, snapshot.Input{Run: "r"}, noLimit)
		if len(f.stateKeys(t, latestKey)) != 1 || result.Users != 500 || len(result.Published) != 1 || len(f.memory.Keys()) > 0 {
			t.Errorf("%+v; the state store has %v", result, f.stateKeys(t, ""))
		}
	})
}

// expiringStore knows which of its objects its lifecycle rules would delete: all but those
// that are marked to be kept.
type expiringStore struct {
	snapshot.Store
	expires map[string]bool
	err     error // of Retain
}

func (s *expiringStore) Create(ctx context.Context, key string) (store.Upload, error) {
	s.expires[key] = true
	return s.Store.Create(ctx, key)
}

func (s *expiringStore) Swap(ctx context.Context, key string, body []byte, old store.Version) (store.Version, error) {
	version, err := s.Store.Swap(ctx, key, body, old)
	if err == nil {
		delete(s.expires, key)
	}
	return version, err
}

func (s *expiringStore) SwapExpendable(ctx context.Context, key string, body []byte, old store.Version) (store.Version, error) {
	version, err := s.Store.Swap(ctx, key, body, old)
	if err == nil {
		s.expires[key] = true
	}
	return version, err
}

func (s *expiringStore) Retain(ctx context.Context, key string, keep bool) error {
	if _, _, err := s.Read(ctx, key); err != nil {
		return err
	}
	if s.err != nil {
		return s.err
	}
	s.expires[key] = !keep
	return nil
}

// wantExpiring checks for some runs whether all their parts expire, or none.
func (s *expiringStore) wantExpiring(t *testing.T, f *fixture, want map[string]bool) {
	t.Helper()
	for run, expires := range want {
		parts := containing(f.memory.Keys(), "/run="+run+"/part-")
		if len(parts) == 0 {
			t.Errorf("run %s has no parts", run)
		}
		for _, key := range parts {
			if s.expires[key] != expires {
				t.Errorf("that %s expires is %t, want %t", key, s.expires[key], expires)
			}
		}
	}
}

func TestOnlyTheLatestRunIsRetained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		s := &expiringStore{Store: f.bucket, expires: map[string]bool{}}
		f.bucket = s
		time.Sleep(time.Hour)
		f.publish(t, "good")
		s.wantExpiring(t, f, map[string]bool{"good": false})
		late := f.park(t, f.snapshot(), "late", sliceLimit(1))
		s.wantExpiring(t, f, map[string]bool{"good": false, "late": true})
		f.suspect(t, "new")
		s.wantExpiring(t, f, map[string]bool{"good": false, "new": true})
		if err := accept(t, f); err != nil {
			t.Fatal(err)
		}
		s.wantExpiring(t, f, map[string]bool{"good": true, "new": false})
		time.Sleep(time.Hour)
		f.publish(t, "next")
		s.wantExpiring(t, f, map[string]bool{"new": true, "next": false})
		f.maxLeavers = tolerance.Tolerance{Users: smallTenant}
		f.complete(t, f.snapshot(), snapshot.Input{Resume: late.Resume}, noLimit)
		s.wantExpiring(t, f, map[string]bool{"late": true, "next": false})
	})
}

func TestARunThatCannotBeRetainedIsNotPromoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		s := &expiringStore{Store: f.bucket, expires: map[string]bool{}, err: &store.Error{Op: "tag", Err: errors.New("no")}}
		f.bucket = s
		time.Sleep(time.Hour)
		f.fail(t, f.snapshot(), snapshot.Input{Run: "new"}, noLimit, "Sink.Failed")
		f.wantLatest(t, "old", smallTenant)
		s.err = nil
		f.publish(t, "new")
		f.wantPublished(t, "new")
		s.wantExpiring(t, f, map[string]bool{"new": false})
	})
}
