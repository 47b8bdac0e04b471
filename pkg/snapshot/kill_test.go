package snapshot_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// killedRun is a run that was killed after so many calls to its stores and its bus, while a
// list was published already.
type killedRun struct {
	*fixture
	asked snapshot.Input // of the slice that was killed
	lists map[string]idSet
}

// kill kills a run of several slices in each way that it can be killed, and passes each to
// test. The run reads in so many partitions, of a tenant with a fault, if there is one. kill
// returns how many ways there are, and how many slices the run takes if it is not killed.
func kill(t *testing.T, parallel int, fault string, test func(t *testing.T, k *killedRun)) (ways, slices int) {
	t.Helper()
	for alive := false; !alive; ways++ {
		synctest.Test(t, func(t *testing.T) {
			f := newSmallFixture(t)
			k := &killedRun{fixture: f, lists: map[string]idSet{"old": f.tenantIDs(smallTenant)}}
			f.complete(t, f.buffered(), snapshot.Input{Run: "old"}, noLimit)
			time.Sleep(time.Duration(parallel) * 10 * time.Hour) // to the same day, or to another
			f.churn(t, 1)
			k.lists["new"] = f.tenantIDs(smallTenant + 100)
			f.setPartitions(parallel)
			if fault != "" {
				f.addFault(t, fault)
			}
			calls := 0
			i := &interceptor{before: func(op, _ string) error {
				if op != "write" { // nobody can see what is written to an upload before its commit
					calls++
				}
				if calls > ways {
					return errKilled
				}
				return nil
			}}
			var err error
			k.asked, _, err = f.slices(t, f.intercepted(i), snapshot.Input{Run: "new"}, sliceLimit(parallel))
			if alive = err == nil; alive {
				slices = sliceNumber(k.asked)
				return
			}
			if !errors.Is(err, errKilled) {
				t.Fatalf("killed, but the error is %v", err)
			}
			k.wantPublishedOneOf(t, k.lists)
			test(t, k)
		})
		if t.Failed() {
			t.Fatalf("in %d partitions, killed after %d calls", parallel, ways)
		}
	}
	return ways, slices
}

// resume asks for the killed run another time.
func (k *killedRun) resume(t *testing.T, parallel int) {
	t.Helper()
	if result := k.complete(t, k.buffered(), k.asked, sliceLimit(parallel)); result.Run != "new" {
		t.Fatalf("the answer is that of run %s", result.Run)
	}
}

// publishNext publishes another list.
func (k *killedRun) publishNext(t *testing.T) {
	t.Helper()
	time.Sleep(time.Hour)
	k.churn(t, 2)
	k.lists["next"] = k.tenantIDs(smallTenant + 200)
	s := k.buffered()
	s.Request = listtest.Request()
	k.complete(t, s, snapshot.Input{Run: "next"}, noLimit)
	k.wantPublished(t, "next")
	k.wantPublishedOneOf(t, k.lists)
}

func TestARunKilledAtAnyCallLeavesAWholeListAndCanBeResumed(t *testing.T) {
	for _, parallel := range []int{1, 4} {
		ways, slices := kill(t, parallel, "", func(t *testing.T, k *killedRun) {
			k.resume(t, parallel)
			k.wantPublished(t, "new")
			k.wantPublishedOneOf(t, k.lists)
			if !k.announced("new") {
				t.Error("the list was not announced")
			}
			if parallel == 1 {
				k.publishNext(t)
			}
		})
		if ways < 30 || slices < 2 || parallel == 1 && slices < 3 {
			t.Errorf("in %d partitions there were only %d ways to be killed, in %d slices", parallel, ways, slices)
		}
	}
}

// TestARunKilledWhileItStartsOverCanBeResumed loses its page token in a later slice, so that
// it has to discard what the earlier ones have written.
func TestARunKilledWhileItStartsOverCanBeResumed(t *testing.T) {
	kill(t, 1, "expired-token:5x1", func(t *testing.T, k *killedRun) {
		k.resume(t, 1)
		if m := k.wantPublished(t, "new"); m.Duplicates > 0 {
			t.Errorf("%+v", m)
		}
	})
}

// TestARunKilledAtAnyCallDoesNotDisturbTheNextRun resumes the killed run only after another
// one has published.
func TestARunKilledAtAnyCallDoesNotDisturbTheNextRun(t *testing.T) {
	kill(t, 1, "", func(t *testing.T, k *killedRun) {
		started := len(k.stateKeys(t, "run=new/checkpoint.json")) > 0
		k.publishNext(t)
		k.resume(t, 1)
		if started {
			k.wantPublished(t, "next")
		} else { // it starts only now
			k.wantPublished(t, "new")
		}
	})
}
