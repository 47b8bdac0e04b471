package azure_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/faultproxy"
	"github.com/rollcall-dev/rollcall/infra/e2e/harness/hook"
	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// events is the queue behind the sink.
const events = "events"

// feed is a function app that publishes changes to a storage queue and a signed webhook.
type feed struct {
	*deployment
	target *hook.Target
	seen   map[string]int // events that came, by type without its beginning
}

// event is what the tests look at of an event.
type event struct {
	ID, Type, Subject string
	Data              struct {
		Changed []string
		User    struct{ Department string }
	}
}

// prepareFeed is prepare for a feed.
func prepareFeed(t *testing.T, cfg simulator.Config, env ...string) *feed {
	t.Helper()
	f := &feed{target: harness.Start(t, hook.Key(sinkKey).Start), seen: map[string]int{}}
	f.deployment = prepare(t, cfg)
	if err := f.queues.CreateQueue(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	account := f.queues.URL[strings.LastIndexByte(f.queues.URL, '/')+1:]
	f.config.Env = append(f.config.Env,
		"ROLLCALL_SINKS=azqueue://"+account+"/"+events+"?endpoint="+f.queues.URL+" "+f.target.URL+"/hook#private=allow",
		"ROLLCALL_NOTIFICATION_URL="+f.front.URL+"/api/webhook/notifications", "ROLLCALL_SELECT=id,userPrincipalName,displayName,department",
		timeout("00:00:08"), comesAgainForEver)
	f.config.Env = append(f.config.Env, env...)
	return f
}

// came waits until these events, and no others, are in the queue since the last time. Each is
// at the webhook as well.
func (f *feed) came(want map[string]int) {
	f.Helper()
	ids := map[string]bool{}
	got := map[string]int{}
	f.until("the events come", func() bool {
		messages, err := f.queues.Receive(f.Context(), events)
		if err != nil {
			f.Fatal(err)
		}
		for _, m := range messages {
			var e event
			text, err := base64.StdEncoding.DecodeString(m.Text)
			if err == nil {
				err = json.Unmarshal(text, &e)
			}
			if err != nil {
				f.Fatalf("%v: %s", err, m.Text)
			}
			if !ids[e.ID] {
				got[strings.TrimPrefix(e.Type, "rollcall.user.")]++
			}
			ids[e.ID] = true
		}
		return maps.Equal(got, want)
	})
	f.emptied(changesQueue)
	bodies, err := f.target.Received()
	if err != nil {
		f.Error(err)
	}
	for _, body := range bodies {
		var e event
		if err := json.Unmarshal(body, &e); err != nil {
			f.Errorf("the webhook got what is no CloudEvent: %v", err)
		}
		delete(ids, e.ID)
	}
	for id := range ids {
		f.Errorf("the webhook did not get event %s", id)
	}
	if more, err := f.queues.Receive(f.Context(), events); err != nil || len(more) > 0 {
		f.Errorf("%d more events came, %v", len(more), err)
	}
}

// begin starts an instance and has everybody published.
func (f *feed) begin(users int) {
	f.Helper()
	f.start()
	f.send(changesQueue, changes.Input{Baseline: "emit"})
	f.came(map[string]int{"created": users})
}

func TestATimerPublishesWhatHasChanged(t *testing.T) {
	t.Parallel()
	f := prepareFeed(t, simulator.Config{Users: 60})
	f.begin(60)
	if err := firstOf(f.tenant.SetDepartment(3, "Archive"), f.tenant.Delete(4)); err != nil {
		t.Fatal(err)
	}
	f.tenant.Create()
	if sent := f.fire("changes").Sent["jobs"]; len(sent) != 1 || sent[0] != "{}" {
		t.Errorf("%q was sent", sent)
	}
	f.came(map[string]int{"created": 1, "updated": 1, "deleted": 1})
}

// TestAChangeIsPublishedByItsNotification goes all the way that Graph goes: the subscription
// that the feed has made, the webhook, a message, and the feed.
func TestAChangeIsPublishedByItsNotification(t *testing.T) {
	t.Parallel()
	f := prepareFeed(t, simulator.Config{Users: 60})
	f.begin(60)
	made := f.tenant.Subscriptions()
	if len(made) != 1 || !strings.HasPrefix(made[0].NotificationURL, f.front.URL+"/api/webhook/notifications") || made[0].ClientState != clientState {
		t.Fatalf("the subscriptions are %+v", made)
	}
	if err := f.tenant.SetDepartment(7, "Told"); err != nil {
		t.Fatal(err)
	}
	f.came(map[string]int{"updated": 1})
	if err := f.tenant.Delete(8); err != nil {
		t.Fatal(err)
	}
	f.came(map[string]int{"deleted": 1})
	if n := len(f.records("changes")); n != 0 {
		t.Errorf("the timer was fired %d times", n)
	}
	// It is lost in silence. A lifecycle event says so, and the feed makes another one.
	if err := f.tenant.ExpireSubscription(made[0].ID); err != nil {
		t.Fatal(err)
	}
	f.send(changesQueue, changes.Input{Renew: true})
	f.until("there is another subscription", func() bool {
		now := f.tenant.Subscriptions()
		return len(now) == 1 && now[0].ID != made[0].ID
	})
}

// TestABaselineThatIsParkedGoesOn from message to message. Of each invocation a quarter passes
// until the message is old enough.
func TestABaselineThatIsParkedGoesOn(t *testing.T) {
	t.Parallel()
	f := prepareFeed(t, simulator.Config{Users: 1000, Latency: 500 * time.Millisecond}, "ROLLCALL_NOTIFICATION_URL=",
		"ROLLCALL_PAGE_SIZE=100", "ROLLCALL_PARALLEL=1", timeout("00:00:08"))
	f.start()
	f.fire("changes") // publishes nothing the first time
	f.handled("changes_run", 2)
	f.emptied(changesQueue)
	goes := 0
	for _, r := range f.records("changes_run") {
		goes += len(r.Sent["next"])
	}
	if goes == 0 {
		t.Error("it was never parked")
	}
	if err := f.tenant.SetDepartment(7, "Known"); err != nil {
		t.Fatal(err)
	}
	f.fire("changes")
	f.came(map[string]int{"updated": 1})
}

// TestAKilledFeedRepeatsTheSameEvents kills the handler in the middle of runs.
func TestAKilledFeedRepeatsTheSameEvents(t *testing.T) {
	t.Parallel()
	f := prepareFeed(t, simulator.Config{Users: 60})
	f.begin(60)
	for i := range 4 {
		calls := 0
		f.blobs.Cut(func(c faultproxy.Call) bool {
			if c.Replied != (i%2 == 0) {
				return false
			}
			if calls++; calls != 2+i {
				return false
			}
			if err := f.host().Restart(t.Context()); err != nil {
				t.Error(err)
			}
			return true
		})
		if err := firstOf(f.tenant.SetDepartment(10+i, "Killed"), f.tenant.Delete(20+i)); err != nil {
			t.Fatal(err)
		}
		f.came(map[string]int{"updated": 1, "deleted": 1})
		f.blobs.Cut(nil)
		if calls < 2+i {
			t.Errorf("there were %d calls only", calls)
		}
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
