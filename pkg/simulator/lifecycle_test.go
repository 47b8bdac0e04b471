package simulator_test

import (
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

func TestReauthorizationIsAskedForNearTheEnd(t *testing.T) {
	const minute = time.Minute
	for name, row := range map[string]struct {
		lifetime time.Duration
		address  any
		do       func(s *subscriber, id string) // after 140 minutes
		want     []time.Duration
	}{
		"three hours": {180 * minute, "https://life.example/x", nil, []time.Duration{120 * minute, 135 * minute, 150 * minute, 165 * minute}},
		"the least":   {45 * minute, "https://life.example/x", nil, []time.Duration{0, 15 * minute, 30 * minute}},
		"no address":  {180 * minute, nil, nil, nil},
		"reauthorized": {
			180 * minute, "https://life.example/x",
			func(s *subscriber, id string) { s.send(http.MethodPost, "/"+id+"/reauthorize", "") },
			[]time.Duration{120 * minute, 135 * minute},
		},
		"renewed": {
			180 * minute, "https://life.example/x",
			func(s *subscriber, id string) {
				s.send(http.MethodPatch, "/"+id, `{"expirationDateTime":"`+in(120*minute)+`"}`)
			},
			[]time.Duration{120 * minute, 135 * minute, 200 * minute, 215 * minute, 230 * minute, 245 * minute},
		},
		"reauthorized and renewed": {
			180 * minute, "https://life.example/x",
			func(s *subscriber, id string) {
				s.send(http.MethodPost, "/"+id+"/reauthorize", "")
				s.send(http.MethodPatch, "/"+id, `{"expirationDateTime":"`+in(120*minute)+`"}`)
			},
			[]time.Duration{120 * minute, 135 * minute, 200 * minute, 215 * minute, 230 * minute, 245 * minute},
		},
		"deleted": {
			180 * minute, "https://life.example/x",
			func(s *subscriber, id string) { s.send(http.MethodDelete, "/"+id, "") },
			[]time.Duration{120 * minute, 135 * minute},
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSubscriber(t, simulator.Config{Users: 3, TokenLifetime: 24 * time.Hour})
			start := time.Now()
			id := s.subscribe(fields{"expirationDateTime": in(row.lifetime), "lifecycleNotificationUrl": row.address})
			time.Sleep(140 * minute)
			if row.do != nil {
				row.do(s, id)
			}
			time.Sleep(5 * time.Hour)
			if diff := cmp.Diff(row.want, s.times(start)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			for _, r := range s.seen(false) {
				if n := r.Value[0]; r.URL != row.address || len(r.Value) != 1 || n.LifecycleEvent != "reauthorizationRequired" || n.SubscriptionID != id ||
					n.ClientState != "s3cret" || n.TenantID != simulator.DefaultTenant || n.ChangeType+n.Resource != "" {
					t.Errorf("%s: %s %s", name, r.URL, r.body)
				}
			}
		})
	}
}

func TestChangesAndTheLifecycleGoToTheirOwnAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 3, NotificationLag: time.Minute})
		s.subscribe(fields{"expirationDateTime": in(time.Minute), "lifecycleNotificationUrl": "https://life.example/"})
		time.Sleep(14 * time.Minute)
		must(t, s.tenant.SetDepartment(1, "IT"))
		time.Sleep(time.Minute)
		synctest.Wait()
		var got []string
		for _, r := range s.seen(false) {
			for _, n := range r.Value {
				got = append(got, r.URL+" "+n.LifecycleEvent+n.ChangeType)
			}
		}
		slices.Sort(got)
		life := "https://life.example/ reauthorizationRequired"
		if diff := cmp.Diff([]string{"https://hook.example/notifications?code=a%20b updated", life, life}, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestALifecycleEventThatIsNotTakenIsNotPiledUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 3})
		s.subscribe(fields{"expirationDateTime": in(time.Hour)})
		s.answer(status(500))
		time.Sleep(59 * time.Minute)
		if got := s.state(); got.Pending != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestWithoutAuthorizationNotificationsWaitForFourHours(t *testing.T) {
	for name, row := range map[string]struct {
		after  time.Duration
		resume string // the path of a POST, or a PATCH if it is empty
		want   []string
		lost   int
	}{
		"reauthorized":          {time.Hour, "/reauthorize", []string{"1 updated, 2 updated"}, 0},
		"renewed":               {time.Hour, "", []string{"1 updated, 2 updated"}, 0},
		"reauthorized too late": {4*time.Hour - time.Second, "/reauthorize", []string{"2 updated"}, 1},
		"long ago":              {5 * time.Hour, "/reauthorize", nil, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSubscriber(t, simulator.Config{Users: 3, TokenLifetime: 24 * time.Hour})
			id := s.subscribe(nil)
			must(t, s.tenant.LapseAuthorization(id))
			if got := s.told(); !slices.Equal(got, []string{"reauthorizationRequired"}) {
				t.Fatalf("%s: %q", name, got)
			}
			must(t, s.tenant.SetDepartment(1, "IT"))
			time.Sleep(2 * time.Second)
			must(t, s.tenant.SetDepartment(2, "IT"))
			time.Sleep(row.after)
			if row.resume == "" {
				s.send(http.MethodPatch, "/"+id, `{"expirationDateTime":"`+in(48*time.Hour)+`"}`)
			} else {
				s.send(http.MethodPost, "/"+id+row.resume, "")
			}
			got := slices.DeleteFunc(s.told(), func(word string) bool { return word == "reauthorizationRequired" })
			if state := s.state(); !slices.Equal(got, row.want) || state.Dropped != row.lost || state.Pending != 0 {
				t.Errorf("%s: %q, want %q: %+v", name, got, row.want, state)
			}
			must(t, s.tenant.SetDepartment(0, "IT"))
			if got := s.told(); got[len(got)-1] != "0 updated" {
				t.Errorf("%s: %q", name, got)
			}
		})
	}
}
