package bus_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
)

// dividing publishes n events to a service that takes a batch as a whole, and refuses one
// that holds an event of bad. answer may fail a request in another way first.
func dividing(t *testing.T, n int, bad []int, answer func(request int) error) (taken []string, requests int, failed *bus.Error) {
	t.Helper()
	refused := map[string]bool{}
	for _, i := range bad {
		refused[bustest.User(i, 0).ID] = true
	}
	d := &driver{limits: bus.Limits{Entries: n, Bytes: 1 << 20, EntryBytes: 10_000}, send: func(_ context.Context, batch []bus.Entry) ([]bus.Failure, error) {
		requests++
		if err := answer(requests); err != nil {
			return nil, err
		}
		for _, e := range batch {
			if refused[e.ID] {
				return nil, &bus.Refusal{Code: "HTTP 400", Problem: "the service refused the events", Remedy: "mend it", Divide: true}
			}
		}
		for _, e := range batch {
			taken = append(taken, e.ID)
		}
		return nil, nil
	}}
	p := bus.New(d, bus.Options{Tries: 3, Log: slog.New(slog.DiscardHandler)})
	defer p.Close()
	for i := range n {
		if err := p.Publish(t.Context(), bustest.User(i, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(t.Context()); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	if n := p.Stats().Acknowledged; n != int64(len(taken)) {
		t.Errorf("%d are acknowledged of %d that were taken", n, len(taken))
	}
	return taken, requests, failed
}

func never(int) error { return nil }

func TestARefusedBatchIsDividedUntilOnlyWhatIsToBlameIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		for _, bad := range [][]int{{0}, {99}, {41}, {0, 99}, {50, 51}, {3, 4, 90}} {
			taken, requests, failed := dividing(t, 100, bad, never)
			if failed == nil || failed.Count != len(bad) || failed.Remedy != "mend it" || failed.Tries > 12 {
				t.Fatalf("%v: %v", bad, failed)
			}
			for _, e := range failed.Events {
				if !slices.Contains(bad, e.Index) || e.ID != bustest.User(e.Index, 0).ID || e.Code != "HTTP 400" {
					t.Errorf("%v: %+v is named", bad, e)
				}
			}
			if len(taken) != 100-len(bad) || !slices.IsSorted(taken) || len(slices.Compact(slices.Clone(taken))) != len(taken) {
				t.Errorf("%v: taken %v", bad, taken)
			}
			if most := 24 * len(bad); requests > most {
				t.Errorf("%v: %d requests, want %d at most", bad, requests, most)
			}
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("it waited %s, though nothing was busy", took)
		}
	})
}

func TestABatchOfNothingButWhatIsRefusedIsSentOnceEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		taken, requests, failed := dividing(t, 8, []int{0, 1, 2, 3, 4, 5, 6, 7}, never)
		if len(taken) != 0 || failed == nil || failed.Count != 8 || requests != 3+8 {
			t.Errorf("%d requests, taken %v: %v", requests, taken, failed)
		}
	})
}

func TestWhatIsDividedIsRetriedAndGivenUpLikeAnythingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := func(request int) error {
			if request%3 == 0 {
				return &bus.Refusal{Code: "HTTP 503", Problem: "busy", Retry: true}
			}
			return nil
		}
		if taken, _, failed := dividing(t, 20, []int{7}, busy); len(taken) != 19 || failed == nil || failed.Count != 1 {
			t.Errorf("taken %v: %v", taken, failed)
		}
		denied := func(request int) error {
			if request > 2 {
				return &bus.Refusal{Code: "HTTP 403", Problem: "denied"}
			}
			return nil
		}
		taken, requests, failed := dividing(t, 20, []int{15}, denied)
		if len(taken) != 10 || requests != 3 || failed == nil || failed.Count != 10 || failed.Problem != "denied (HTTP 403)" {
			t.Errorf("%d requests, taken %v: %v", requests, taken, failed)
		}
		for _, e := range failed.Events {
			if e.Code == "" {
				t.Errorf("%+v", e)
			}
		}
	})
}
