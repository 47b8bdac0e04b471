package snapshot_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
	"github.com/rollcall-dev/rollcall/pkg/store/storetest"
)

func TestAStoreThatFailsIsNamedAndTheLastListStays(t *testing.T) {
	for name, c := range map[string]struct {
		bucket, state call
		promoted      bool // latest has moved before the failure
	}{
		"the bucket is down":          {bucket: anyCall},
		"no part can be begun":        {bucket: calls("create", "")},
		"the disk is full":            {bucket: calls("write", "")},
		"a part is refused":           {bucket: calls("commit", "")},
		"the third part is refused":   {bucket: calls("commit", "part-1-3-")},
		"the manifest is refused":     {bucket: calls("swap", "manifest")},
		"history is refused":          {bucket: calls("swap", "history")},
		"latest is refused":           {bucket: calls("swap", "latest")},
		"the table is refused":        {bucket: calls("swap", "users/"), promoted: true},
		"the state store is down":     {state: anyCall},
		"the ids are refused":         {state: calls("swap", "/ids-")},
		"the last ids cannot be read": {state: calls("open", "")},
		"the checkpoint is refused":   {state: calls("swap", "checkpoint")},
		"the new baseline is refused": {state: calls("swap", "known"), promoted: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newPublishedFixture(t)
				lists := map[string]idSet{"old": f.tenantIDs(smallTenant)}
				f.churn(t, 1)
				lists["new"] = f.tenantIDs(smallTenant + 10)
				over := false
				s := f.buffered()
				if c.bucket != nil {
					s.Destinations[0].Store = outage(&over, c.bucket).store(f.bucket)
				}
				if c.state != nil {
					s.State = outage(&over, c.state).store(f.state)
				}
				for range 2 {
					f.fail(t, s, snapshot.Input{Run: "new"}, noLimit, "Sink.Failed")
				}
				if m, _ := f.latest(t); !c.promoted && m.Run != "old" {
					t.Errorf("latest is run %s", m.Run)
				}
				f.wantPublishedOneOf(t, lists)
				over = true
				f.complete(t, s, snapshot.Input{Run: "new"}, noLimit)
				f.wantPublished(t, "new")
				if pending := f.memory.Pending(); pending > 0 {
					t.Errorf("%d uploads are still open", pending)
				}
			})
		})
	}
}

// TestASliceThatFailsDeletesWhatItHasWritten also the parts that were whole.
func TestASliceThatFailsDeletesWhatItHasWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		before := len(f.memory.Keys()) + len(f.stateKeys(t, ""))
		over := false
		s := f.buffered()
		s.Destinations[0].Store = outage(&over, calls("create", "part-1-4-")).store(f.bucket)
		_, _, err := f.slices(t, s, snapshot.Input{Run: "new"}, noLimit)
		wantError(t, err, "Sink.Failed")
		if strings.Contains(err.Error(), "list users") {
			t.Errorf("the list is blamed for the store: %v", err)
		}
		if after := len(f.memory.Keys()) + len(f.stateKeys(t, "")); after != before {
			t.Errorf("%d objects before, %d after", before, after)
		}
		if f.memory.Pending() > 0 || f.state.(*storetest.Memory).Pending() > 0 {
			t.Error("an upload is still open")
		}
	})
}

func TestASlowStoreCostsSlicesAndNoUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, simulator.Config{Users: 2000})
		s := f.snapshot()
		slow := &interceptor{before: func(string, string) error {
			time.Sleep(50 * time.Millisecond) // for every user
			return nil
		}}
		s.Destinations[0].Store = slow.store(f.bucket)
		asked, _, err := f.slices(t, s, snapshot.Input{Run: "r"}, 40*time.Second)
		if err != nil || sliceNumber(asked) < 3 {
			t.Fatalf("at %+v: %v", asked, err)
		}
		f.wantPublished(t, "r")
	})
}

func TestAStoreTooSlowToCommitAPartFailsTheSlice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		s := f.buffered()
		slow := &interceptor{before: func(op, _ string) error {
			if op == "commit" {
				time.Sleep(time.Hour)
			}
			return nil
		}}
		s.Destinations[0].Store = slow.store(f.bucket)
		_, _, err := f.slices(t, s, snapshot.Input{Run: "new"}, time.Minute)
		wantError(t, err, "Sink.Failed")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the deadline is not the cause: %v", err)
		}
		f.wantLatest(t, "old", smallTenant)
	})
}
