package changes_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/emf"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/endpoint"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/hook"
)

func TestConsumersOfTheBusKnowTheTenantByNotificationsAlone(t *testing.T) {
	t.Parallel()
	d := deploy(t, "notified")
	d.subscription()
	d.happen(4, func() error {
		d.tenant.Create()
		return firstOf(d.tenant.SetDepartment(3, "Archive"), d.tenant.Delete(4), d.tenant.Delete(5))
	})
	if n := d.settle(0); n != 1 {
		t.Errorf("it took %d invocations", n)
	}
	events := d.drain()
	counts := map[string]int{}
	for _, e := range events {
		counts[e.Type]++
		if e.Type == "rollcall.user.updated" && (e.Subject != d.tenant.ID(3) || !slices.Equal(e.Data.Changed, []string{"department"}) ||
			e.Data.User["department"] != "Archive" || e.Data.Before["department"] == "Archive") {
			t.Errorf("the change is %+v", e)
		}
	}
	if diff := cmp.Diff(map[string]int{"rollcall.user.created": 1, "rollcall.user.updated": 1, "rollcall.user.deleted": 2}, counts); diff != "" {
		t.Errorf("the events:\n%s", diff)
	}
	d.wantSame()

	d.halfAMinuteLater()
	d.happen(3, func() error {
		return firstOf(d.tenant.Restore(4), d.tenant.Purge(5), d.tenant.Rename(3, "someone.else@contoso.example"))
	})
	d.settle(0)
	d.consumed(map[string]int{"restored": 1, "purged": 1, "updated": 1})
	d.wantSame()
	d.startOver()
	d.wantSame()

	personal := []string{clientState, hookKey, d.tenant.ClientSecret, "contoso.example", "Archive", d.tenant.ID(3)}
	if found := endpoint.Leaks(d.logs(), personal...); len(found) > 0 {
		t.Errorf("the logs contain %q:\n%s", found, d.logs())
	}
	d.host.Close() // after which all of its log is there
	published := 0.
	for _, r := range emf.Read(t, d.logs()) {
		published += r.Metrics["Events"]
		if r.Members["job"] != "changes" || r.Members["tenant"] != d.tenant.TenantID || r.Metrics["Failed"] != 0 {
			t.Errorf("%v", r.Members)
		}
	}
	if everybody := d.tenant.Config().Users; published != float64(everybody+len(events)+3) { // whom the baseline has emitted, too
		t.Errorf("the metrics have %v events", published)
	}
}

func TestASignedHookStartsARunOnce(t *testing.T) {
	t.Parallel()
	d := deploy(t, "hooked")
	d.happen(1, func() error { return d.tenant.SetDepartment(7, "Hooked") })
	d.halfAMinuteLater() // the message of the notification is lost
	body := []byte(`{"job":"changes"}`)
	for _, sent := range []struct {
		header http.Header
		want   int
	}{
		{nil, http.StatusUnauthorized},
		{hook.Key("c29tZWJvZHktZWxzZSdzLWtleS13aGljaC1pcy1sb25n").Sign("msg_1", body), http.StatusUnauthorized},
		{hook.Key(hookKey).Sign("msg_1", body), http.StatusAccepted},
		{hook.Key(hookKey).Sign("msg_1", body), http.StatusAccepted}, // sent again, as no answer came
	} {
		if status, err := d.post("/run", body, sent.header); err != nil || status != sent.want {
			t.Errorf("%d, %v, want %d", status, err, sent.want)
		}
	}
	if n, err := d.queue.Len(t.Context()); err != nil || n != 1 {
		t.Errorf("%d messages are in the queue, %v", n, err)
	}
	d.settle(0)
	d.consumed(map[string]int{"updated": 1})
	d.wantSame()
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// TestAnEventIsOnTheBusSoonAfterTheChange measures, and prints, how long it takes from a
// change in the tenant to its event behind the bus. The queue has no delay here; a deployed
// one adds its 45 s.
func TestAnEventIsOnTheBusSoonAfterTheChange(t *testing.T) {
	const samples = 10
	d := deploy(t, "measured")
	var took []time.Duration
	for i := range samples {
		d.halfAMinuteLater()
		began := time.Now()
		if err := d.tenant.SetDepartment(i, "Measured"); err != nil {
			t.Fatal(err)
		}
		d.until("the event is on the bus", func() bool {
			d.next()
			n, err := d.events.Len(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return n > i
		})
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("from a change in the tenant to its event behind the bus, without the queue's delay of 45 s: median %s, at most %s, of %d",
		took[samples/2].Round(time.Millisecond), took[samples-1].Round(time.Millisecond), samples)
	d.consumed(map[string]int{"updated": samples})
	d.wantSame()
}
