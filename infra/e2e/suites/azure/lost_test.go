package azure_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/faultproxy"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/functionshost"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// TestAnInstanceThatIsLostLosesNothing ends instances in the middle of a slice, one of them
// as Azure does when it needs fewer, and whenever one is gone another one goes on.
func TestAnInstanceThatIsLostLosesNothing(t *testing.T) {
	t.Parallel()
	d := deploy(t, long(), short()...)
	d.fire("snapshot")
	for _, end := range []func(){
		func() { d.host().Close() },
		func() {
			if err := d.host().Stop(t.Context()); err != nil {
				t.Error(err)
			}
		},
		func() { d.host().Close() },
	} {
		page := len(d.tenant.Requests()) + 4
		d.until("it has read some pages", func() bool { return len(d.tenant.Requests()) >= page })
		end()
		if m, _ := d.latest(d.tenant.TenantID); m != nil {
			t.Fatal("it was published before an instance was lost")
		}
		d.start()
	}
	d.published("", d.present())
	d.emptied(snapshots)
}

// killed is a deployment whose handler is killed at some call of a store, run after run.
type killed struct {
	*deployment
	last map[string]bool // what was published last
	run  int
}

// begin changes the tenant and asks for another run.
func (k *killed) begin() {
	k.Helper()
	k.run++
	k.tenant.Create()
	if err := k.tenant.Delete(k.run); err != nil {
		k.Fatal(err)
	}
	k.send(snapshots, snapshot.Input{Run: k.name()})
}

func (k *killed) name() string { return fmt.Sprintf("run-%04d", k.run) }

// finish waits until the run is published. Meanwhile latest only ever names what was
// published before or what is published now.
func (k *killed) finish(what string) {
	k.Helper()
	now := k.present()
	k.until(what+": the run is published", func() bool {
		m, found := k.latest(k.tenant.TenantID)
		if m != nil && !maps.Equal(found, k.last) && !maps.Equal(found, now) {
			k.Fatalf("%s: latest has %d users: neither the last run's %d nor this one's %d", what, len(found), len(k.last), len(now))
		}
		return m != nil && m.Run == k.name()
	})
	k.emptied(snapshots)
	k.last = now
}

// TestAKillAtAnyCallOfTheStoreLeavesACompleteRun kills the handler before and after each call
// that it makes of the containers.
func TestAKillAtAnyCallOfTheStoreLeavesACompleteRun(t *testing.T) {
	t.Parallel()
	k := &killed{deployment: deploy(t, simulator.Config{Users: 300}, "ROLLCALL_PAGE_SIZE=100", comesAgainForEver)}
	k.begin()
	k.finish("at first")
	k.blobs.Cut(nil)
	k.begin()
	k.finish("undisturbed")
	calls := k.blobs.Calls()
	if calls < 10 {
		t.Fatalf("a run makes %d calls only", calls)
	}
	for call := 1; call <= calls; call++ {
		after := call%2 == 0
		killed := false
		k.blobs.Cut(func(c faultproxy.Call) bool {
			if killed || c.Number < call || c.Replied != after {
				return false
			}
			killed = true
			if err := k.host().Restart(t.Context()); err != nil {
				t.Error(err)
			}
			return true
		})
		k.begin()
		k.finish(fmt.Sprintf("call %d of %d, after: %v", call, calls, after))
		k.blobs.Cut(nil)
		if !killed {
			t.Errorf("there was no call %d", call)
		}
	}
	t.Logf("killed at each of %d calls", calls)
}

// TestAKillInAnySliceLeavesACompleteRun kills the handler once in each slice of a run that
// takes several, after more and more pages.
func TestAKillInAnySliceLeavesACompleteRun(t *testing.T) {
	t.Parallel()
	d := prepare(t, long(), short()...)
	var kills atomic.Int32
	d.config.Begun = func(host *functionshost.Host, in functionshost.Invocation) {
		if in.Function != "snapshot_run" || in.Number%2 == 1 {
			return // every other time, so that each message is handled in the end
		}
		page := len(d.tenant.Requests()) + int(kills.Add(1))
		go func() {
			for len(d.tenant.Requests()) < page && t.Context().Err() == nil {
				time.Sleep(5 * time.Millisecond)
			}
			_ = host.Restart(t.Context())
		}()
	}
	d.start()
	d.fire("snapshot")
	d.published("", d.present())
	d.emptied(snapshots)
	if runs := d.runs(d.tenant.TenantID); len(runs) != 1 || kills.Load() < 2 {
		t.Errorf("there are the runs %q after %d kills", runs, kills.Load())
	}
}

// TestAQueueThatFailsLosesNothing has the host's requests to the queue fail, once each: the
// message that goes on is not written, or is and nobody knows; the message that was done is
// not deleted, or is and nobody knows.
func TestAQueueThatFailsLosesNothing(t *testing.T) {
	for _, method := range []string{http.MethodPost, http.MethodDelete} {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, after: %v", method, after), func(t *testing.T) {
				t.Parallel()
				d := deploy(t, long(), short()...)
				d.send(snapshots, snapshot.Input{Run: "r"})
				var cuts atomic.Int32
				d.queue.Cut(func(c faultproxy.Call) bool {
					return c.Replied == after && c.Request.Method == method && strings.Contains(c.Request.URL.Path, "/messages") && cuts.Add(1) <= 2
				})
				d.published("", d.present())
				d.emptied(snapshots)
				if runs := d.runs(d.tenant.TenantID); len(runs) != 1 || cuts.Load() < 2 {
					t.Errorf("there are the runs %q after %d cuts", runs, cuts.Load())
				}
			})
		}
	}
}

// TestAMessageThatIsDeliveredTwiceAtOnceIsOneRun has two instances whose leases cannot be
// renewed, so that both work on one message.
func TestAMessageThatIsDeliveredTwiceAtOnceIsOneRun(t *testing.T) {
	t.Parallel()
	d := prepare(t, long(), "ROLLCALL_PAGE_SIZE=100", "ROLLCALL_PARALLEL=1", timeout("00:00:15"), comesAgainForEver)
	d.queue.Cut(func(c faultproxy.Call) bool { // renewals, which are for as long as the lease
		return c.Request.Method == http.MethodPut && c.Request.URL.Query().Get("visibilitytimeout") == "2" && !c.Replied
	})
	d.start()
	d.start()
	d.send(snapshots, snapshot.Input{Run: "r"})
	d.published("", d.present())
	d.handled("snapshot_run", 2)
	d.queue.Cut(nil)
	d.emptied(snapshots)
	records := d.records("snapshot_run")
	first, second := records[0], records[1]
	if first.Message != second.Message || second.Begun.After(first.Begun.Add(first.Took)) && first.Begun.After(second.Begun.Add(second.Took)) {
		t.Errorf("no message was with both: %+v", records)
	}
	if runs := d.runs(d.tenant.TenantID); len(runs) != 1 {
		t.Errorf("there are the runs %q", runs)
	}
}

// TestTimersOfTwoInstancesThatGoOffAtOnceAreOneRun fires both, and both send a message.
func TestTimersOfTwoInstancesThatGoOffAtOnceAreOneRun(t *testing.T) {
	t.Parallel()
	d := prepare(t, simulator.Config{Users: 600, Latency: 100 * time.Millisecond}, "ROLLCALL_PAGE_SIZE=100", timeout("00:00:15"))
	hosts := []*functionshost.Host{d.start(), d.start()}
	for tries := 1; ; tries++ {
		var records [2]functionshost.Record
		var all sync.WaitGroup
		for i, host := range hosts {
			all.Go(func() {
				var err error
				if records[i], err = host.Fire(t.Context(), "snapshot"); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if t.Failed() {
			return
		}
		d.published("", d.present())
		d.emptied(snapshots)
		if records[0].Sent["jobs"][0] == records[1].Sent["jobs"][0] {
			break
		}
		if tries == 3 { // one may be an accident: the middle of a minute, where times are rounded
			t.Fatalf("two timers that go off at once send %q and %q", records[0].Sent["jobs"], records[1].Sent["jobs"])
		}
	}
	if m, _ := d.latest(d.tenant.TenantID); m != nil {
		d.nothingElse(m)
	}
}

// TestAHandlerThatHangsIsKilledAndTheMessageComesAgain stops the process, as a machine may
// that has nothing left to give.
func TestAHandlerThatHangsIsKilledAndTheMessageComesAgain(t *testing.T) {
	t.Parallel()
	d := prepare(t, simulator.Config{Users: 300}, timeout("00:00:03"))
	var once sync.Once
	d.config.Begun = func(host *functionshost.Host, in functionshost.Invocation) {
		if in.Function == "snapshot_run" {
			once.Do(func() { _ = syscall.Kill(host.PID(), syscall.SIGSTOP) })
		}
	}
	d.start()
	before := d.host().PID()
	d.send(snapshots, struct{}{})
	d.published("", d.present())
	d.emptied(snapshots)
	record := d.records("snapshot_run")[0]
	if !isTimeout(record.Err) || d.host().PID() == before {
		t.Errorf("the first invocation ended with %v", record.Err)
	}
}

// TestAHandlerWhoseGraphHangsAnswersBeforeItIsKilled.
func TestAHandlerWhoseGraphHangsAnswersBeforeItIsKilled(t *testing.T) {
	t.Parallel()
	faults := []simulator.Fault{{Name: "stall-headers", Times: 2}}
	d := deploy(t, simulator.Config{Users: 300, Faults: faults}, timeout("00:00:03"))
	before := d.host().PID()
	if r := d.get("/users"); r.status != http.StatusServiceUnavailable && r.status != http.StatusGatewayTimeout {
		t.Errorf("the API answers %d %.300s", r.status, r.body)
	}
	d.send(snapshots, struct{}{})
	d.published("", d.present())
	d.emptied(snapshots)
	for _, record := range append(d.records("snapshot_run"), d.records("users")...) {
		if isTimeout(record.Err) {
			t.Errorf("%s: %v", record.Function, record.Err)
		}
	}
	if d.host().PID() != before {
		t.Error("the handler was killed")
	}
}

// TestAHandlerThatIsKilledTooOftenEndsItsInstanceAndAnotherOneGoesOn as Azure replaces it.
func TestAHandlerThatIsKilledTooOftenEndsItsInstanceAndAnotherOneGoesOn(t *testing.T) {
	t.Parallel()
	d := prepare(t, long(), short()...)
	d.config.Begun = func(host *functionshost.Host, in functionshost.Invocation) {
		if in.Function == "snapshot_run" {
			go host.Kill()
		}
	}
	d.start()
	d.send(snapshots, snapshot.Input{Run: "r"})
	d.until("the host has given up", func() bool { return strings.Contains(d.logs(), "The host shuts down") })
	if r := d.get("/users"); r.status != http.StatusServiceUnavailable {
		t.Errorf("the host answers %d", r.status)
	}
	d.config.Begun = nil
	d.start()
	d.published("", d.present())
}

func isTimeout(err error) bool {
	var late *functionshost.TimeoutError
	return errors.As(err, &late)
}
