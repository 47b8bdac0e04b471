package simulator_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// attempts are when a notification is sent that is not taken, without end.
func attempts(each time.Duration) (times []time.Duration) {
	at, wait := time.Duration(0), 10*time.Second
	for at < 4*time.Hour {
		times = append(times, at)
		at, wait = min(at+each+wait, 4*time.Hour), wait*2
	}
	return append(times, 4*time.Hour)
}

func TestANotificationThatIsNotTakenIsSentAgainForFourHours(t *testing.T) {
	for name, row := range map[string]struct {
		answer http.HandlerFunc
		takes  time.Duration
	}{
		"503":          {status(503), 0},
		"404":          {status(404), 0},
		"a redirect":   {status(307), 0},
		"no answer":    {hang, 10 * time.Second},
		"a late error": {func(w http.ResponseWriter, _ *http.Request) { time.Sleep(9 * time.Second); w.WriteHeader(500) }, 9 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSubscriber(t, simulator.Config{Users: 3})
			s.subscribe(fields{"expirationDateTime": in(400 * time.Hour)})
			s.answer(row.answer)
			start := time.Now()
			must(t, s.tenant.SetDepartment(1, "IT"))
			time.Sleep(4*time.Hour - time.Second)
			if got := s.state(); got.Pending != 1 || got.Dropped != 0 {
				t.Errorf("%s: %+v", name, got)
			}
			time.Sleep(96 * time.Hour)
			want := attempts(row.takes)
			if diff := cmp.Diff(want, s.times(start)); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if got := s.state(); got.Pending != 0 || got.Dropped != 1 || got.Delivered != 0 || got.Requests != len(want) || got.Failed != len(want) {
				t.Errorf("%s: %+v", name, got)
			}
			// What changes later is told at once.
			s.answer(nil)
			must(t, s.tenant.SetDepartment(1, ""))
			if got := s.state(); got.Delivered != 1 {
				t.Errorf("%s: %+v", name, got)
			}
		})
	}
}

func TestANotificationThatIsSentByForceManyTimesWaitsAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 3})
		s.subscribe(nil)
		s.answer(status(500))
		must(t, s.tenant.SetDepartment(0, "IT"))
		for range 70 {
			synctest.Wait()
			s.tenant.DeliverNotifications()
		}
		time.Sleep(3 * time.Hour)
		if got := s.state(); got.Requests != 71 || got.Pending != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestANotificationWhoseSubscriptionEndsMeanwhileIsCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 3})
		id := s.subscribe(nil)
		s.answer(func(w http.ResponseWriter, _ *http.Request) {
			must(t, s.tenant.ExpireSubscription(id))
			w.WriteHeader(http.StatusOK)
		})
		must(t, s.tenant.SetDepartment(0, "IT"))
		synctest.Wait()
		if got := s.tenant.Notices(); got.Delivered+got.Dropped != 1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestANewNotificationDoesNotWaitForOneThatIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 3})
		s.subscribe(nil)
		s.answer(status(500))
		must(t, s.tenant.SetDepartment(0, "IT"))
		synctest.Wait()
		s.answer(nil)
		time.Sleep(3 * time.Second)
		must(t, s.tenant.SetDepartment(1, "IT"))
		time.Sleep(7 * time.Second)
		if diff := cmp.Diff([]string{"0 updated", "1 updated", "0 updated"}, s.told()); diff != "" {
			t.Error(diff)
		}
	})
}
