package simulator_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// losesSubscription shows the fault subscription-lost.
func losesSubscription(t *testing.T, _ *client, _ string) {
	t.Helper()
	s := newSubscriber(t, simulator.Config{Users: 3, Faults: []simulator.Fault{{Name: "subscription-lost"}}})
	s.subscribe(nil)
	s.subscribe(nil)
	must(t, s.tenant.SetDepartment(1, "IT"))
	synctest.Wait()
	if left := s.tenant.Subscriptions(); len(s.seen(false)) != 1 || len(left) != 1 {
		t.Errorf("%d notifications, %d subscriptions", len(s.seen(false)), len(left))
	}
	if list := s.send(http.MethodGet, "", "").body; strings.Count(list, `"resource"`) != 1 {
		t.Errorf("%s", list)
	}
}

// dropsNotifications shows the fault notification-dropped.
func dropsNotifications(t *testing.T, _ *client, _ string) {
	t.Helper()
	s := newSubscriber(t, simulator.Config{Users: 3, Faults: []simulator.Fault{{Name: "notification-dropped", Times: 2}}})
	s.subscribe(nil)
	for index := range 3 {
		must(t, s.tenant.SetDepartment(index, "IT"))
		synctest.Wait()
	}
	time.Sleep(5 * time.Hour)
	if got := s.state(); !slices.Equal(s.told(), []string{"2 updated"}) || got.Dropped != 2 || got.Delivered != 1 {
		t.Errorf("%q, %+v", s.told(), got)
	}
}

// delaysNotifications shows the fault notification-slow.
func delaysNotifications(t *testing.T, _ *client, _ string) {
	t.Helper()
	s := newSubscriber(t, simulator.Config{Users: 3, Faults: []simulator.Fault{{Name: "notification-slow"}}})
	s.subscribe(nil)
	start := time.Now()
	must(t, s.tenant.SetDepartment(0, "IT"))
	time.Sleep(4 * time.Second)
	must(t, s.tenant.SetDepartment(1, "IT"))
	time.Sleep(time.Minute)
	if got := s.times(start); !slices.Equal(got, []time.Duration{10 * time.Second}) || !slices.Equal(s.told(), []string{"0 updated, 1 updated"}) {
		t.Errorf("%v %q", got, s.told())
	}
}
