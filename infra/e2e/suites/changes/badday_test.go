package changes_test

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/cloudformation"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/faultproxy"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// TestTheDelayOfTheQueueLetsNoChangeBeSwallowed has changes come after the message of their
// half minute was sent, and so make none.
func TestTheDelayOfTheQueueLetsNoChangeBeSwallowed(t *testing.T) {
	t.Parallel()
	const changes = 10
	template, err := cloudformation.Read(harness.Path(t, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	queue := template.Resources["ChangesQueue"].(map[string]any)["Properties"].(map[string]any)
	d := deployDelayed(t, "delayed", queue["DelaySeconds"].(string))
	for i := range changes {
		d.happen(1, func() error { return d.tenant.SetDepartment(i, "Delayed") })
		d.next()
	}
	d.settle(0)
	d.consumed(map[string]int{"updated": changes})
	d.wantSame()
}

func TestAChangeThatARunDoesNotSeeYetIsPickedUpWithoutTheSchedule(t *testing.T) {
	t.Parallel()
	d := deploy(t, "unseen")
	lag, err := simulator.ParseFault("delta-lagx1") // the next delta query shows nothing that is younger than ten seconds
	if err != nil {
		t.Fatal(err)
	}
	d.tenant.AddFault(lag)
	d.happen(1, func() error { return d.tenant.SetDepartment(7, "Late") })
	d.schedule("{}")
	d.consumed(map[string]int{})
	d.settle(0)
	d.consumed(map[string]int{"updated": 1})
	d.wantSame()
}

func TestAChangeDuringARunIsPickedUpWithoutTheSchedule(t *testing.T) {
	t.Parallel()
	d := deploy(t, "during")
	d.happen(1, func() error { return d.tenant.SetDepartment(7, "First") })
	d.bus.Cut(func(c faultproxy.Call) bool {
		if c.Number == 1 && !c.Replied { // the run has read what changed
			if err := d.tenant.SetDepartment(8, "Second"); err != nil {
				t.Error(err)
			}
		}
		return false
	})
	d.schedule("{}")
	d.until("the webhook has been notified twice", func() bool { return d.tenant.Notices().Delivered >= 2 })
	d.settle(0)
	d.consumed(map[string]int{"updated": 2})
	d.wantSame()
}

func TestAMessageOfAnotherTenantStopsNobodyElse(t *testing.T) {
	t.Parallel()
	const other = "99999999-2222-4333-8444-555555555555"
	d := deploy(t, "others")
	if status, err := d.post("/notifications", d.tenant.Notification(other, clientState), nil); err != nil || status != http.StatusAccepted {
		t.Fatalf("%d, %v", status, err)
	}
	d.happen(1, func() error { return d.tenant.SetDepartment(7, "Ours") })
	d.settle(1)
	d.consumed(map[string]int{"updated": 1})
	d.wantSame()
	if batch := d.next(); batch.Kept != 1 || batch.Deleted != 0 {
		t.Errorf("the message of the other tenant: %+v", batch)
	}
	if !strings.Contains(d.logs(), "Request.Invalid") {
		t.Errorf("no log says what is wrong:\n%s", d.logs())
	}
}

func TestABusThatIsDownLosesNothing(t *testing.T) {
	t.Parallel()
	d := deploy(t, "down")
	d.timeout = 5 * time.Second
	d.start()
	d.bus.Cut(func(faultproxy.Call) bool { return true })
	d.happen(2, func() error { return firstOf(d.tenant.SetDepartment(7, "Down"), d.tenant.Delete(8)) })
	if batch := d.next(); batch.Kept == 0 || batch.Deleted != 0 {
		t.Errorf("with the bus down: %+v", batch)
	}
	// It has changed back by the time the bus is there again, and somebody may have seen it.
	d.halfAMinuteLater()
	d.happen(1, func() error { return d.tenant.Restore(8) })
	d.consumed(map[string]int{})
	d.bus.Cut(nil)
	d.settle(0)
	d.consumed(map[string]int{"updated": 1, "deleted": 1, "restored": 1})
	d.wantSame()
}

func TestAKillBetweenAcknowledgeAndSaveRepeatsTheSameEvents(t *testing.T) {
	t.Parallel()
	d := deploy(t, "killed")
	kill := d.killer()
	var acknowledged, killed atomic.Bool
	d.bus.Cut(func(c faultproxy.Call) bool {
		if c.Replied {
			acknowledged.Store(true)
		}
		return false
	})
	d.state.Cut(func(c faultproxy.Call) bool {
		if acknowledged.Load() && c.Request.Method == http.MethodPut && !c.Replied && killed.CompareAndSwap(false, true) {
			kill()
			return true
		}
		return false
	})
	d.happen(2, func() error { return firstOf(d.tenant.SetDepartment(7, "Killed"), d.tenant.Delete(8)) })
	if batch := d.next(); batch.Kept == 0 || batch.Result.ErrorType != "Runtime.ExitError" {
		t.Fatalf("killed: %+v", batch)
	}
	d.settle(0)
	times := map[string]int{}
	for _, e := range d.drain() {
		times[e.ID]++
	}
	if len(times) != 2 {
		t.Errorf("%d different events came, want 2", len(times))
	}
	for id, n := range times {
		if n != 2 {
			t.Errorf("the event %s came %d times, want twice", id, n)
		}
	}
	d.wantSame()
}

// TestAStormOfNotificationsIsFewRuns posts what Graph posts, and what it does not.
func TestAStormOfNotificationsIsFewRuns(t *testing.T) {
	const posts, workers = 300, 12
	d := deploy(t, "storm")
	d.happen(1, func() error { return d.tenant.SetDepartment(7, "Storm") })
	good, forged := d.tenant.Notification(d.tenant.TenantID, clientState), d.tenant.Notification(d.tenant.TenantID, "cl1ent-state-of-somebody-else")
	var slowest atomic.Int64
	work := make(chan int)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := range work {
				sent, began := good, time.Now()
				if i%10 == 0 {
					sent = forged
				}
				status, err := d.post("/notifications", sent, nil)
				if accepted := status == http.StatusAccepted; err != nil || accepted != (i%10 != 0) {
					t.Errorf("post %d: %d, %v", i, status, err)
				}
				for took := int64(time.Since(began)); took > slowest.Load(); {
					slowest.Store(took)
				}
			}
		})
	}
	began := time.Now()
	for i := range posts {
		work <- i
	}
	close(work)
	all.Wait()
	took := time.Since(began)
	n, err := d.queue.Len(t.Context())
	if most := 2 + int(took/(30*time.Second)); err != nil || n < 1 || n > most {
		t.Errorf("%d messages are in the queue, want at most %d, one for each half minute: %v", n, most, err)
	}
	runs := d.settle(0)
	t.Logf("%d posts in %s, %d side by side, the slowest in %s: %d messages, %d runs", posts, took.Round(time.Millisecond), workers, time.Duration(slowest.Load()).Round(time.Millisecond), n, runs)
	d.consumed(map[string]int{"updated": 1})
	d.wantSame()
}
