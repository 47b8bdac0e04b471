package subscription_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list/listtest"
	"github.com/rollcall-dev/rollcall/pkg/secret"
	"github.com/rollcall-dev/rollcall/pkg/simulator"
	"github.com/rollcall-dev/rollcall/pkg/subscription"
)

const (
	address = "https://hook.example/notifications"
	state   = "the-client-state-0123456789"
)

// rig is a simulated tenant, a webhook that answers it, and a keeper.
type rig struct {
	t      *testing.T
	tenant *simulator.Tenant
	client *graph.Client
	// refuses has the webhook answer with 500.
	refuses bool
}

// run has a test run in simulated time.
func run(t *testing.T, config simulator.Config, test func(*rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t}
		config.Endpoints = simulator.TransportTo(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if r.refuses {
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			w.Header().Set("Content-Type", "text/plain")
			_, _ = io.WriteString(w, q.URL.Query().Get("validationToken"))
		}))
		r.tenant = simulator.New(config)
		defer r.tenant.Close()
		r.client = listtest.Client(t, r.tenant, graph.Config{})
		test(r)
	})
}

func (r *rig) keeper(at, state string) *subscription.Keeper {
	r.t.Helper()
	var a subscription.Address
	if err := a.UnmarshalText([]byte(at)); err != nil {
		r.t.Fatal(err)
	}
	return &subscription.Keeper{Directory: r.client, Address: a, ClientState: secret.NewText(state)}
}

func (r *rig) keep(k *subscription.Keeper, renew bool) *subscription.Kept {
	r.t.Helper()
	kept, err := k.Keep(r.t.Context(), renew)
	if err != nil {
		r.t.Fatal(err)
	}
	return kept
}

func (r *rig) ids() (ids []string) {
	for _, s := range r.tenant.Subscriptions() {
		ids = append(ids, s.ID)
	}
	return ids
}

// requests are those about subscriptions since the last call.
func (r *rig) requests() (made []string) {
	for _, q := range r.tenant.Requests() {
		if strings.HasPrefix(q.Path, "/v1.0/subscriptions") && q.Authorization == "valid" { // tokens last an hour
			made = append(made, q.Method)
		}
	}
	r.tenant.ForgetRequests()
	return made
}

func (r *rig) want(what string, got, want []string) {
	r.t.Helper()
	if !slices.Equal(got, want) {
		r.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestASubscriptionIsCreatedOnceAndThenLookedAt(t *testing.T) {
	run(t, simulator.Config{Users: 3}, func(r *rig) {
		k := r.keeper(address, state)
		first := r.keep(k, false)
		if !first.Created || time.Until(first.ExpiresAt) < 28*24*time.Hour {
			t.Errorf("%+v", first)
		}
		s := r.tenant.Subscriptions()[0]
		if s.ClientState != state || s.Resource != "users" || s.ChangeType != "updated,deleted" || s.NotificationURL != s.LifecycleNotificationURL {
			t.Errorf("%+v", s)
		}
		if !strings.HasPrefix(s.NotificationURL, address+"?state=") || strings.Contains(s.NotificationURL, state) {
			t.Errorf("the address is %s", s.NotificationURL)
		}
		r.want("to create it", r.requests(), []string{"GET", "POST"})
		if second := r.keep(k, false); second.Created || second.ID != first.ID {
			t.Errorf("%+v", second)
		}
		r.want("to look at it", r.requests(), []string{"GET"})
	})
}

func TestASubscriptionIsRenewedWhenHalfOfItsTimeIsOver(t *testing.T) {
	run(t, simulator.Config{Users: 3}, func(r *rig) {
		k := r.keeper(address, state)
		first := r.keep(k, false)
		for range 60 { // two months
			time.Sleep(24 * time.Hour)
			kept := r.keep(k, false)
			if left := time.Until(kept.ExpiresAt); kept.ID != first.ID || left < 14*24*time.Hour {
				t.Fatalf("subscription %s has %s left", kept.ID, left)
			}
		}
		count := map[string]int{}
		for _, method := range r.requests() {
			count[method]++
		}
		if count["PATCH"] < 3 || count["PATCH"] > 5 || count["POST"] != 1 || count["GET"] != 61 {
			t.Errorf("%v", count)
		}
		// Whoever keeps a subscription so is never asked to authorize it.
		if n := r.tenant.Notices(); n.Requests > 0 {
			t.Errorf("%d lifecycle events", n.Requests)
		}
	})
}

func TestALifecycleEventRenewsASubscriptionAtOnce(t *testing.T) {
	run(t, simulator.Config{Users: 3}, func(r *rig) {
		k := r.keeper(address, state)
		first := r.keep(k, false)
		time.Sleep(time.Hour)
		if kept := r.keep(k, true); kept.ID != first.ID || !kept.ExpiresAt.After(first.ExpiresAt) {
			t.Errorf("%+v after %+v", kept, first)
		}
	})
}

func TestALostSubscriptionIsCreatedAnew(t *testing.T) {
	run(t, simulator.Config{Users: 3}, func(r *rig) {
		k := r.keeper(address, state)
		first := r.keep(k, false)
		if err := r.tenant.ExpireSubscription(first.ID); err != nil {
			t.Fatal(err)
		}
		if second := r.keep(k, false); !second.Created || second.ID == first.ID {
			t.Errorf("%+v", second)
		}
	})
}

func TestAnotherClientStateReplacesTheSubscription(t *testing.T) {
	run(t, simulator.Config{Users: 3}, func(r *rig) {
		first := r.keep(r.keeper(address, state), false)
		r.requests()
		second := r.keep(r.keeper(address, "the-rotated-state-0123456789"), false)
		if !second.Created || second.ID == first.ID {
			t.Errorf("%+v", second)
		}
		// The new one is there before the old one goes.
		r.want("to replace it", r.requests(), []string{"GET", "POST", "DELETE"})
		r.want("subscriptions", r.ids(), []string{second.ID})
	})
}

func TestOtherSubscriptionsAreLeftAlone(t *testing.T) {
	run(t, simulator.Config{Users: 3}, func(r *rig) {
		var others []string
		for _, at := range []string{"https://hook.example/notifications2", "https://other.example/notifications", "https://hook.example/notifications?code=x"} {
			others = append(others, r.keep(r.keeper(at, state), false).ID)
		}
		one, err := r.client.CreateSubscription(r.t.Context(), graph.Subscription{
			Resource: "users/" + r.tenant.ID(1), ChangeType: "updated", NotificationURL: address, ExpiresAt: time.Now().Add(time.Hour),
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, one.ID)
		mine := r.keep(r.keeper(address, state), false)
		r.keep(r.keeper(address, "the-rotated-state-0123456789"), false)
		for _, id := range others {
			if !slices.Contains(r.ids(), id) {
				t.Errorf("subscription %s is gone", id)
			}
		}
		if slices.Contains(r.ids(), mine.ID) || len(r.ids()) != len(others)+1 {
			t.Errorf("%v", r.ids())
		}
	})
}

func TestOfTwoSubscriptionsTheOneThatLastsStays(t *testing.T) {
	run(t, simulator.Config{Users: 3}, func(r *rig) {
		k := r.keeper(address, state)
		first := r.keep(k, false)
		s := r.tenant.Subscriptions()[0]
		// The answer to a creation was lost, and it was repeated.
		second, err := r.client.CreateSubscription(r.t.Context(), graph.Subscription{
			Resource: "users", ChangeType: "deleted,updated", NotificationURL: s.NotificationURL, LifecycleNotificationURL: s.NotificationURL,
			ClientState: state, ExpiresAt: first.ExpiresAt.Add(30 * time.Minute),
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if kept := r.keep(k, false); kept.ID != second.ID {
			t.Errorf("%s stays, not %s", kept.ID, second.ID)
		}
		r.want("subscriptions", r.ids(), []string{second.ID})
	})
}

func TestTwoRunsAtOnceEndWithOneSubscription(t *testing.T) {
	run(t, simulator.Config{Users: 3}, func(r *rig) {
		k := r.keeper(address, state)
		done := make(chan error)
		for range 2 {
			go func() {
				_, err := k.Keep(context.Background(), false)
				done <- err
			}()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		r.keep(k, false)
		if n := len(r.ids()); n != 1 {
			t.Errorf("%d subscriptions", n)
		}
	})
}

func TestARefusalSaysWhatToDo(t *testing.T) {
	run(t, simulator.Config{Users: 3, MaxSubscriptions: 1}, func(r *rig) {
		r.refuses = true
		_, err := r.keeper(address+"?code=s3cr3t", state).Keep(r.t.Context(), false)
		wantRemedy(t, err, "https://hook.example/notifications", "deploy the webhook")
		r.refuses = false
		r.keep(r.keeper("https://other.example/n", state), false)
		_, err = r.keeper(address, state).Keep(r.t.Context(), false)
		wantRemedy(t, err, "100 subscriptions for an app in a tenant", "rollcall subscription delete")
	})
}

func wantRemedy(t *testing.T, err error, parts ...string) {
	t.Helper()
	var refusal *graph.SubscriptionError
	if !errors.As(err, &refusal) {
		t.Fatalf("%v", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %s", err, part)
		}
	}
	if strings.Contains(err.Error(), "s3cr3t") || strings.Contains(err.Error(), state) {
		t.Errorf("a secret is shown: %v", err)
	}
}

// odd is Graph with something odd about it.
type odd struct {
	*graph.Client
	// listed is called once the list was read, spelled on the address of what was created.
	listed  func()
	spelled func(string) string
	off     time.Duration // by which its clock goes before ours
}

func (o *odd) Subscriptions(ctx context.Context) ([]graph.Subscription, error) {
	all, err := o.Client.Subscriptions(ctx)
	for i := range all {
		all[i].ExpiresAt = all[i].ExpiresAt.Add(-o.off)
	}
	if o.listed != nil {
		o.listed()
	}
	return all, err
}

func (o *odd) CreateSubscription(ctx context.Context, s graph.Subscription, before []graph.Subscription) (graph.Subscription, error) {
	s.ExpiresAt = s.ExpiresAt.Add(o.off)
	created, err := o.Client.CreateSubscription(ctx, s, before)
	if o.spelled != nil {
		created.NotificationURL = o.spelled(created.NotificationURL)
	}
	return created, err
}

func (o *odd) RenewSubscription(ctx context.Context, id string, until time.Time) (graph.Subscription, error) {
	return o.Client.RenewSubscription(ctx, id, until.Add(o.off))
}

func TestASubscriptionThatEndsBetweenListAndRenewalIsCreatedAnew(t *testing.T) {
	run(t, simulator.Config{Users: 3}, func(r *rig) {
		k := r.keeper(address, state)
		first := r.keep(k, false)
		r.requests()
		k.Directory = &odd{Client: r.client, listed: func() { _ = r.tenant.ExpireSubscription(first.ID) }}
		if second := r.keep(k, true); !second.Created || second.ID == first.ID {
			r.t.Errorf("%+v", second)
		}
		r.want("to keep it", r.requests(), []string{"GET", "PATCH", "POST", "DELETE"})
	})
}

func TestALapsedAuthorizationIsRenewedAndNothingIsDropped(t *testing.T) {
	run(t, simulator.Config{Users: 3}, func(r *rig) {
		k := r.keeper(address, state)
		first := r.keep(k, false)
		if err := errors.Join(r.tenant.LapseAuthorization(first.ID), r.tenant.SetDepartment(2, "X")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		before := r.tenant.Notices()
		r.keep(k, true)
		time.Sleep(time.Minute)
		synctest.Wait()
		if after := r.tenant.Notices(); before.Requests == 0 || after.Delivered <= before.Delivered || after.Dropped != 0 {
			r.t.Errorf("%+v became %+v", before, after)
		}
	})
}

// Two runs at once, whose lists are both from before either has created one.
func TestTheSecondOfTwoRunsAtOnceLeavesADoubleWhichTheNextOneDeletes(t *testing.T) {
	run(t, simulator.Config{Users: 3}, func(r *rig) {
		k, other := r.keeper(address, state), r.keeper(address, state)
		k.Directory = &odd{Client: r.client, listed: func() { r.keep(other, false) }}
		r.keep(k, false)
		if n := len(r.ids()); n != 2 {
			r.t.Fatalf("%d subscriptions", n)
		}
		r.requests()
		kept := r.keep(other, false)
		r.want("to delete the double", r.requests(), []string{"GET", "DELETE"})
		r.want("subscriptions", r.ids(), []string{kept.ID})
	})
}

func TestWithTheQuotaUsedUpAReplacedSubscriptionMakesRoom(t *testing.T) {
	run(t, simulator.Config{Users: 3, MaxSubscriptions: 1}, func(r *rig) {
		r.keep(r.keeper(address, state), false)
		r.requests()
		kept := r.keep(r.keeper(address, "the-rotated-state-0123456789"), false)
		r.want("to replace it", r.requests(), []string{"GET", "POST", "DELETE", "POST", "DELETE"})
		r.want("subscriptions", r.ids(), []string{kept.ID})
		// Somebody else's makes no room.
		if _, err := r.keeper("https://other.example/n", state).Keep(r.t.Context(), false); err == nil {
			r.t.Error("there was room")
		}
		r.want("subscriptions", r.ids(), []string{kept.ID})
	})
}

func TestAFailureLeavesTheOldSubscriptionWhereItIs(t *testing.T) {
	run(t, simulator.Config{Users: 3}, func(r *rig) {
		old := r.keep(r.keeper(address, state), false)
		r.refuses = true
		if _, err := r.keeper(address, "the-rotated-state-0123456789").Keep(r.t.Context(), false); err == nil {
			r.t.Error("it was created")
		}
		r.want("subscriptions", r.ids(), []string{old.ID})
	})
}

// Otherwise each look would create one more, until the quota is used up.
func TestAnAddressThatGraphChangesIsAnErrorAndLeavesNothingBehind(t *testing.T) {
	run(t, simulator.Config{Users: 3}, func(r *rig) {
		k := r.keeper(address+"?code=s3cr3t", state)
		k.Directory = &odd{Client: r.client, spelled: func(at string) string { return strings.Replace(at, "/notifications", "/Notifications", 1) }}
		_, err := k.Keep(r.t.Context(), false)
		if err == nil || !strings.Contains(err.Error(), "https://hook.example/Notifications?...") || strings.Contains(err.Error(), "s3cr3t") || len(r.ids()) != 0 {
			r.t.Errorf("%v, %v", err, r.ids())
		}
	})
}

func TestAClockThatIsHoursOffDoesNoHarm(t *testing.T) {
	for _, off := range []time.Duration{-20 * time.Hour, 20 * time.Hour} {
		run(t, simulator.Config{Users: 3}, func(r *rig) {
			k := r.keeper(address, state)
			k.Directory = &odd{Client: r.client, off: -off}
			first := r.keep(k, false)
			for range 40 {
				time.Sleep(24 * time.Hour)
				if kept := r.keep(k, false); kept.ID != first.ID {
					r.t.Fatalf("%s off: %+v", off, kept)
				}
			}
		})
	}
}

func TestASubscriptionThatIsNotAsItShouldBeIsReplaced(t *testing.T) {
	for name, change := range map[string]func(s *graph.Subscription){
		"changes alone":    func(s *graph.Subscription) { s.ChangeType = "updated" },
		"deletions alone":  func(s *graph.Subscription) { s.ChangeType = "deleted" },
		"no lifecycle":     func(s *graph.Subscription) { s.LifecycleNotificationURL = "" },
		"lifecycle, there": func(s *graph.Subscription) { s.LifecycleNotificationURL = "https://other.example/n" },
		"notifications of another state": func(s *graph.Subscription) {
			s.NotificationURL = s.NotificationURL[:len(s.NotificationURL)-16] + "0123456789abcdef"
		},
		"lifecycle of another state": func(s *graph.Subscription) {
			s.LifecycleNotificationURL = s.LifecycleNotificationURL[:len(s.LifecycleNotificationURL)-16] + "0123456789abcdef"
		},
	} {
		run(t, simulator.Config{Users: 3}, func(r *rig) {
			k := r.keeper(address, state)
			other := k.Wanted()
			change(&other)
			if _, err := r.client.CreateSubscription(r.t.Context(), other, nil); err != nil {
				r.t.Fatal(err)
			}
			r.requests()
			kept := r.keep(k, false)
			if !kept.Created {
				r.t.Errorf("%s: %+v", name, kept)
			}
			r.want(name, r.requests(), []string{"GET", "POST", "DELETE"})
			r.want(name, r.ids(), []string{kept.ID})
		})
	}
	run(t, simulator.Config{Users: 3}, func(r *rig) {
		k := r.keeper(address, state)
		other := k.Wanted()
		other.ChangeType = "deleted , updated"
		made, err := r.client.CreateSubscription(r.t.Context(), other, nil)
		if kept := r.keep(k, false); err != nil || kept.ID != made.ID {
			r.t.Errorf("%+v, %v", kept, err)
		}
	})
}

// stuck refuses to delete.
type stuck struct{ *graph.Client }

func (stuck) DeleteSubscription(context.Context, string) error { return errors.New("not now") }

func TestASubscriptionThatIsThereIsReturnedThoughTheOldOneCannotBeDeleted(t *testing.T) {
	run(t, simulator.Config{Users: 3}, func(r *rig) {
		old := r.keep(r.keeper(address, state), false)
		k := r.keeper(address, "the-rotated-state-0123456789")
		k.Directory = stuck{r.client}
		kept, err := k.Keep(r.t.Context(), false)
		if err == nil || !strings.Contains(err.Error(), old.ID) || kept == nil || !kept.Created || kept.ID == old.ID {
			r.t.Fatalf("%+v, %v", kept, err)
		}
		again, err := k.Keep(r.t.Context(), false)
		if err == nil || again == nil || again.Created || again.ID != kept.ID {
			r.t.Errorf("%+v, %v", again, err)
		}
		k.Directory = r.client
		r.keep(k, false)
		r.want("subscriptions", r.ids(), []string{kept.ID})
	})
}
