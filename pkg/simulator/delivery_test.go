package simulator_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// told returns the notifications so far, of changes or of the lifecycle, in words.
func (s *subscriber) told() (words []string) {
	synctest.Wait()
	for _, r := range s.seen(false) {
		var entries []string
		for _, n := range r.Value {
			word := n.LifecycleEvent
			if word == "" {
				word = s.names()[n.Resource] + " " + n.ChangeType
			}
			entries = append(entries, word)
		}
		words = append(words, strings.Join(entries, ", "))
	}
	return words
}

// names are the numbers of the first users, by the resource that a notification names.
func (s *subscriber) names() map[string]string {
	names := map[string]string{}
	for index := range 10 {
		names["Users/"+s.tenant.ID(index)] = strconv.Itoa(index)
	}
	return names
}

// times returns when the notifications came, since a moment.
func (s *subscriber) times(since time.Time) (times []time.Duration) {
	synctest.Wait()
	for _, r := range s.seen(false) {
		times = append(times, r.At.Sub(since))
	}
	return times
}

// state is the one subscription that there is.
func (s *subscriber) state() simulator.Subscription {
	s.t.Helper()
	synctest.Wait()
	all := s.tenant.Subscriptions()
	if len(all) != 1 {
		s.t.Fatalf("%d subscriptions", len(all))
	}
	return all[0]
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// answer changes what the endpoint answers to notifications.
func (e *endpoint) answer(notify http.HandlerFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.notify = notify
}

func TestANotificationLooksLikeGraphs(t *testing.T) {
	for text, number := range map[bool]string{false: `630822816000000000`, true: `"630822816000000000"`} {
		synctest.Test(t, func(t *testing.T) {
			s := newSubscriber(t, simulator.Config{Users: 3, SequenceText: text})
			id := s.subscribe(nil)
			must(t, s.tenant.SetDepartment(1, "IT"))
			synctest.Wait()
			user := s.tenant.ID(1)
			want := received{
				At: time.Now(), Method: "POST", URL: "https://hook.example/notifications?code=a%20b", Kind: "application/json; charset=utf-8",
				body: `{"value":[{"changeType":"updated","resource":"Users/` + user + `","resourceData":{"@odata.type":"#Microsoft.Graph.User","@odata.id":"Users/` + user +
					`","id":"` + user + `","organizationId":"` + simulator.DefaultTenant + `","eventTime":"2000-01-01T00:00:00.0000000Z","sequenceNumber":` + number +
					`},"clientState":"s3cret","subscriptionExpirationDateTime":"2000-01-03T00:00:00.0000000Z","subscriptionId":"` + id + `","tenantId":"` + simulator.DefaultTenant + `"}]}`,
			}
			got := s.seen(false)
			if len(got) != 1 || got[0].body != want.body || got[0].URL != want.URL || got[0].Kind != want.Kind || !got[0].At.Equal(want.At) || got[0].hasAuthorization {
				t.Errorf("%+v\nwant %+v", got, want)
			}
		})
	}
}

func TestEachStageOfAUsersLifeIsNotified(t *testing.T) {
	for name, row := range map[string]struct {
		asked fields
		want  []string
	}{
		"both":    {nil, []string{"3 updated", "1 updated", "1 updated", "1 updated", "1 updated", "1 deleted", "2 updated", "0 updated"}},
		"updated": {fields{"changeType": "updated"}, []string{"3 updated", "1 updated", "1 updated", "1 updated", "1 updated", "2 updated", "0 updated"}},
		"deleted": {fields{"changeType": "deleted"}, []string{"1 deleted"}},
		"user 1":  {fields{"resource": 1}, []string{"1 updated", "1 updated", "1 updated", "1 updated", "1 deleted"}},
		"user 2":  {fields{"resource": 2}, []string{"2 updated"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSubscriber(t, simulator.Config{Users: 3})
			if index, ok := row.asked["resource"].(int); ok {
				row.asked["resource"] = "users/" + s.tenant.ID(index)
			}
			s.subscribe(row.asked)
			for _, change := range []func() error{
				func() error { s.tenant.Create(); return nil },
				func() error { return s.tenant.Rename(1, "anna.new@contoso.example") },
				func() error { return s.tenant.Delete(1) },
				func() error { return s.tenant.Restore(1) },
				func() error { return s.tenant.Delete(1) },
				func() error { return s.tenant.Purge(1) },
				func() error { return s.tenant.SetManager(2, 0) },
				func() error { return s.tenant.SetDepartment(0, "Legal") },
			} {
				must(t, change())
				synctest.Wait()
			}
			if diff := cmp.Diff(row.want, s.told()); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if got := s.state(); got.Delivered != len(row.want) || got.Requests != len(row.want) || got.Pending != 0 || got.Failed != 0 || got.Dropped != 0 {
				t.Errorf("%s: %+v", name, got)
			}
		})
	}
}

func TestChangesWithinTheLagAreNotifiedInOneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 200, NotificationLag: 5 * time.Second})
		s.subscribe(nil)
		start := time.Now()
		for index := range 150 {
			must(t, s.tenant.SetDepartment(index, "IT"))
		}
		time.Sleep(5 * time.Second)
		seen := s.times(start)
		if !slices.Equal(seen, []time.Duration{5 * time.Second, 5 * time.Second}) || len(s.seen(false)[0].Value) != 100 || len(s.seen(false)[1].Value) != 50 {
			t.Errorf("%v", seen)
		}
		numbers := map[string]bool{}
		for _, r := range s.seen(false) {
			for _, n := range r.Value {
				numbers[string(n.ResourceData["sequenceNumber"])] = true
			}
		}
		if len(numbers) != 150 {
			t.Errorf("%d sequence numbers", len(numbers))
		}
	})
}

func TestEachSubscriptionHasItsOwnNotifications(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 3})
		first, second := s.subscribe(nil), s.subscribe(fields{"notificationUrl": "https://other.example/x", "clientState": ""})
		must(t, s.tenant.SetDepartment(1, "IT"))
		synctest.Wait()
		var got []string
		for _, r := range s.seen(false) {
			got = append(got, r.URL+" "+r.Value[0].SubscriptionID+" "+r.Value[0].ClientState)
		}
		slices.Sort(got)
		if diff := cmp.Diff([]string{"https://hook.example/notifications?code=a%20b " + first + " s3cret", "https://other.example/x " + second + " "}, got); diff != "" {
			t.Error(diff)
		}
		if total := s.tenant.Notices(); total.Delivered != 2 {
			t.Errorf("%+v", total)
		}
	})
}

func TestAllThatWaitsCanBeDeliveredNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 3, NotificationLag: time.Hour})
		s.subscribe(nil)
		must(t, s.tenant.SetDepartment(0, "IT"))
		if got := s.state(); got.Pending != 1 || got.Requests != 0 {
			t.Errorf("%+v", got)
		}
		s.answer(status(500))
		s.tenant.DeliverNotifications()
		if got := s.state(); got.Pending != 1 || got.Requests != 1 || got.Failed != 1 {
			t.Errorf("%+v", got)
		}
		s.answer(nil)
		s.tenant.DeliverNotifications()
		if got := s.state(); got.Pending != 0 || got.Delivered != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestNoticesThatWaitAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 5000})
		s.subscribe(nil)
		s.answer(hang)
		must(t, s.tenant.SetDepartment(0, "IT"))
		synctest.Wait()
		for index := range 4999 {
			must(t, s.tenant.SetDepartment(index+1, "IT"))
		}
		if got := s.state(); got.Pending != 2000 || got.Dropped != 3000 {
			t.Errorf("%+v", got)
		}
		s.answer(nil)
		time.Sleep(time.Hour)
		if got := s.state(); got.Pending != 0 || got.Delivered != 2000 {
			t.Errorf("%+v", got)
		}
	})
}

func TestNothingIsSentForASubscriptionThatHasEnded(t *testing.T) {
	for name, end := range map[string]func(s *subscriber, id string){
		"deleted":          func(s *subscriber, id string) { s.send(http.MethodDelete, "/"+id, "") },
		"expired":          func(*subscriber, string) { time.Sleep(48 * time.Hour) },
		"made to expire":   func(s *subscriber, id string) { must(s.t, s.tenant.ExpireSubscription(id)) },
		"its tenant ended": func(s *subscriber, _ string) { s.tenant.Close() },
	} {
		for _, waiting := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				s := newSubscriber(t, simulator.Config{Users: 3})
				id := s.subscribe(fields{"changeType": "updated"})
				if waiting {
					s.answer(hang)
					must(t, s.tenant.SetDepartment(0, "IT"), s.tenant.SetDepartment(1, "IT"))
					synctest.Wait()
				}
				end(s, id)
				synctest.Wait()
				before := len(s.seen(false))
				must(t, s.tenant.SetDepartment(2, "IT"))
				time.Sleep(time.Hour)
				if got := s.seen(false); len(got) != before {
					t.Errorf("%s: %+v", name, got[before:])
				}
				dropped := 0
				if waiting {
					dropped = 2
				}
				if got := s.tenant.Notices(); name == "deleted" && got.Dropped != dropped || name == "expired" && !waiting && got.Dropped != 0 || name == "made to expire" && got.Dropped != dropped {
					t.Errorf("%s: %+v, want %d dropped", name, got, dropped)
				}
				if all := s.tenant.Subscriptions(); name != "its tenant ended" && len(all) != 0 {
					t.Errorf("%s: %+v", name, all)
				}
				if s.tenant.ExpireSubscription(id+"0") == nil || s.tenant.LapseAuthorization(id+"0") == nil {
					t.Error("there is no such subscription")
				}
			})
		}
	}
}

func TestATenantThatIsClosedNotifiesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 3})
		s.subscribe(nil)
		s.answer(hang)
		must(t, s.tenant.SetDepartment(0, "IT"))
		synctest.Wait()
		start := time.Now()
		s.tenant.Close()
		if got := s.tenant.Notices(); time.Since(start) > 0 || got.Dropped != 1 {
			t.Errorf("closed after %v: %+v", time.Since(start), got)
		}
		before := len(s.seen(false))
		s.subscribe(fields{"expirationDateTime": in(time.Minute)}) // which would ask to be reauthorised at once
		must(t, s.tenant.SetDepartment(1, "IT"))
		time.Sleep(time.Hour)
		if got := s.seen(false)[before:]; len(got) != 0 {
			t.Errorf("%+v", got)
		}
	})
}

func TestTheLogOfNotificationsContainsNoPersonAndNoSecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines bytes.Buffer
		s := newSubscriber(t, simulator.Config{Users: 3, Log: slog.New(slog.NewJSONHandler(&lines, nil))})
		s.subscribe(nil)
		must(t, s.tenant.SetDepartment(1, "IT"))
		synctest.Wait()
		text := lines.String()
		if !strings.Contains(text, `"msg":"notification"`) || !strings.Contains(text, `"status":202`) {
			t.Errorf("%s", text)
		}
		for _, secret := range []string{s.tenant.ID(1), "s3cret", "code=", s.token} {
			if strings.Contains(text, secret) {
				t.Errorf("the log contains %s: %s", secret, text)
			}
		}
	})
}
