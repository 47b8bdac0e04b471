package changes_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/changes"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// subscriber counts the looks at a subscription.
type subscriber struct {
	looks []bool // each with renew
	err   error
	then  func()
	hangs bool
}

func (s *subscriber) look(ctx context.Context, renew bool) (changes.Subscription, error) {
	s.looks = append(s.looks, renew)
	if s.hangs {
		<-ctx.Done()
		return changes.Subscription{}, context.Cause(ctx)
	}
	if s.then != nil {
		s.then()
	}
	return changes.Subscription{ID: "s1", ExpiresAt: time.Unix(2e9, 0)}, s.err
}

// subscribed runs the feed of a fixture with a subscription.
func (f *fixture) subscribed(s *subscriber, in changes.Input) (*changes.Result, error) {
	feed := f.feed()
	feed.Subscribe = s.look
	return feed.Run(context.Background(), in)
}

// subscribedFixture is a fixture whose feed has run once, with a subscription.
func subscribedFixture(t *testing.T) (*fixture, *subscriber) {
	t.Helper()
	f, s := newFixture(t, simulator.Config{Users: 20}), new(subscriber)
	if _, err := f.subscribed(s, changes.Input{}); err != nil {
		t.Fatal(err)
	}
	return f, s
}

func TestTheSubscriptionIsLookedAtOnceAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s := newFixture(t, simulator.Config{Users: 20}), new(subscriber)
		for range 13 { // a quarter of an hour each: three hours
			if _, err := f.subscribed(s, changes.Input{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(15 * time.Minute)
		}
		if want := []bool{true, false, false, false}; !slices.Equal(s.looks, want) { // nobody knows when it was authorized last
			t.Errorf("looks %v, want %v", s.looks, want)
		}
		result, err := f.subscribed(s, changes.Input{Renew: true})
		if want := (&changes.Subscription{ID: "s1", ExpiresAt: time.Unix(2e9, 0)}); err != nil || cmp.Diff(want, result.Subscription) != "" || len(s.looks) != 5 || !s.looks[4] {
			t.Errorf("a lifecycle event: %+v, %v, looks %v", result, err, s.looks)
		}
	})
}

func TestChangesArePublishedWithoutASubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s := newFixture(t, simulator.Config{Users: 20}), &subscriber{err: errors.New("the webhook does not answer")}
		for i := range 3 {
			if i > 0 {
				if err := f.tenant.Delete(i); err != nil {
					t.Fatal(err)
				}
			}
			result, err := f.subscribed(s, changes.Input{})
			if err != nil || result.Subscription == nil || result.Subscription.Error != "the webhook does not answer" || result.Subscription.ID != "s1" || result.Deleted != min(i, 1) {
				t.Fatalf("%+v, %v", result, err)
			}
		}
		if len(s.looks) != 3 {
			t.Errorf("%d looks: what fails is tried again by the next run", len(s.looks))
		}
		if !strings.Contains(f.log.String(), `"level":"ERROR"`) {
			t.Errorf("the log has no error: %s", &f.log)
		}
	})
}

// Whatever happened while nobody was notified is read after the subscription is there.
func TestWhatChangesWhileTheSubscriptionIsMadeIsPublishedByTheSameRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s := subscribedFixture(t)
		time.Sleep(2 * time.Hour)
		s.then = func() {
			if err := f.tenant.Delete(7); err != nil {
				t.Error(err)
			}
		}
		if result, err := f.subscribed(s, changes.Input{}); err != nil || result.Deleted != 1 {
			t.Errorf("%+v, %v", result, err)
		}
	})
}

func TestAVersionThatKnowsNoSubscriptionsRefusesThePointer(t *testing.T) {
	f, _ := subscribedFixture(t)
	body, _, err := f.memory.Read(t.Context(), "tenant="+tenantID+"/changes/pointer.json")
	if err != nil || !strings.Contains(string(body), `"version":3`) {
		t.Errorf("%.200s, %v", body, err)
	}
	// One that has no subscription to look at keeps what it knows of it.
	if _, err := f.feed().Run(t.Context(), changes.Input{Resync: true}); err != nil {
		t.Error(err)
	}
	if body, _, err = f.memory.Read(t.Context(), "tenant="+tenantID+"/changes/pointer.json"); err != nil || !strings.Contains(string(body), "subscribedAt") {
		t.Errorf("%.200s, %v", body, err)
	}
}

func TestOfTwoRunsThatLookAtTheSubscriptionOneGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s := subscribedFixture(t)
		time.Sleep(2 * time.Hour)
		s.then = func() {
			s.then = nil
			if _, err := f.subscribed(s, changes.Input{}); err != nil {
				t.Error(err)
			}
		}
		_, err := f.subscribed(s, changes.Input{})
		var state *store.StateError
		if !errors.As(err, &state) || !state.Conflict {
			t.Errorf("%v", err)
		}
	})
}

// A lifecycle event comes once: if it cannot be answered now, the next run answers it.
func TestARenewalThatFailsIsMadeByTheNextRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s := newFixture(t, simulator.Config{Users: 20}), new(subscriber)
		for _, in := range []changes.Input{{}, {Renew: true}, {}, {}, {}} {
			s.err = nil
			if n := len(s.looks); n == 1 || n == 2 {
				s.err = errors.New("Graph is down")
			}
			if _, err := f.subscribed(s, in); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
		}
		if want := []bool{true, true, true, true}; !slices.Equal(s.looks, want) {
			t.Errorf("looks %v, want %v and no more", s.looks, want)
		}
	})
}

func TestASubscriptionThatTakesTooLongDelaysNothingForLong(t *testing.T) {
	for deadline, want := range map[time.Duration]time.Duration{0: time.Minute, 15 * time.Minute: time.Minute, time.Minute: 15 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f, s := newFixture(t, simulator.Config{Users: 20}), new(subscriber)
			f.run(t, changes.Input{})
			if err := f.tenant.Delete(3); err != nil {
				t.Fatal(err)
			}
			s.hangs = true
			feed, ctx := f.feed(), t.Context()
			feed.Subscribe = s.look
			if deadline > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, deadline)
				defer cancel()
			}
			started := time.Now()
			result, err := feed.Run(ctx, changes.Input{})
			if err != nil || result.Deleted != 1 || result.Subscription == nil || !strings.Contains(result.Subscription.Error, "took longer than "+want.String()) {
				t.Errorf("%+v, %v", result, err)
			}
			if took := time.Since(started); took < want || took > want+5*time.Second {
				t.Errorf("it took %s, want %s", took, want)
			}
		})
	}
}

func TestALookOfTomorrowIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, s := subscribedFixture(t)
		key := "tenant=" + tenantID + "/changes/pointer.json"
		body, version, err := f.memory.Read(t.Context(), key)
		must(t, err)
		tomorrow := regexp.MustCompile(`"subscribedAt":"2000`).ReplaceAll(body, []byte(`"subscribedAt":"2001`))
		_, err = f.memory.Swap(t.Context(), key, tomorrow, version)
		must(t, err)
		for range 2 {
			if _, err := f.subscribed(s, changes.Input{}); err != nil || len(s.looks) != 2 {
				t.Errorf("%v, %v", s.looks, err)
			}
		}
	})
}
