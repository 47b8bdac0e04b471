package simulator_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// Of each late answer the notification is sent once more, and that is answered in time.
func TestAnEndpointThatIsSlowIsNotifiedLaterAndThenNotAtAll(t *testing.T) {
	for name, row := range map[string]struct {
		prompt, late int
		after        time.Duration // since the last late answer
		delay        time.Duration // of the next notification, -1 if there is none
	}{
		"no late answer":              {20, 0, 0, 0},
		"10 %":                        {16, 2, 0, 0},
		"more than 10 %":              {15, 2, 0, 10 * time.Second},
		"more than 15 %":              {8, 2, 0, -1},
		"more than 15 %, 10 min ago":  {8, 2, 10 * time.Minute, 0},
		"more than 10 %, 10 min ago":  {15, 2, 10 * time.Minute, 0},
		"most, of too few to tell":    {0, 3, 0, 0},
		"most, within 10 min, of all": {4, 6, 0, -1},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSubscriber(t, simulator.Config{Users: 60})
			s.subscribe(nil)
			user := 0
			change := func(wait time.Duration) {
				must(t, s.tenant.SetDepartment(user, "IT"))
				user++
				time.Sleep(wait)
			}
			for range row.prompt {
				change(time.Second)
			}
			for range row.late {
				s.answer(hang)
				change(10 * time.Second)
				synctest.Wait()
				s.answer(nil)
				time.Sleep(25 * time.Second)
			}
			time.Sleep(row.after)
			before, start := s.state(), time.Now()
			change(20 * time.Second)
			got := s.state()
			switch sent := got.Delivered - before.Delivered; {
			case row.delay < 0:
				if sent != 0 || got.Dropped != before.Dropped+1 {
					t.Errorf("%s: %+v, then %+v", name, before, got)
				}
			case sent != 1:
				t.Errorf("%s: %+v, then %+v", name, before, got)
			default:
				times := s.times(start)
				if last := times[len(times)-1]; last != row.delay {
					t.Errorf("%s: notified after %v, want %v", name, last, row.delay)
				}
			}
		})
	}
}

func TestADroppingEndpointIsNotifiedAgainAfterTenMinutes(t *testing.T) {
	for name, meanwhile := range map[string]func(s *subscriber, id string){
		"in spite of changes meanwhile": func(s *subscriber, _ string) { must(s.t, s.tenant.SetDepartment(20, "IT")) },
		"though another has subscribed": func(s *subscriber, id string) {
			s.send(http.MethodDelete, "/"+id, "")
			s.subscribe(nil)
			must(s.t, s.tenant.SetDepartment(20, "IT"))
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSubscriber(t, simulator.Config{Users: 60})
			id := s.subscribe(nil)
			s.answer(hang)
			for index := range 12 {
				must(t, s.tenant.SetDepartment(index, "IT"))
				time.Sleep(11 * time.Second)
			}
			s.answer(nil)
			time.Sleep(9 * time.Minute)
			before := s.tenant.Notices().Delivered
			meanwhile(s, id)
			synctest.Wait()
			if got := s.tenant.Notices().Delivered; got != before {
				t.Errorf("%s: %d delivered too early", name, got-before)
			}
			time.Sleep(2 * time.Minute)
			must(t, s.tenant.SetDepartment(21, "IT"))
			if told := s.told(); s.tenant.Notices().Delivered == before {
				t.Errorf("%s: nothing is delivered again: %q", name, told)
			}
		})
	}
}

func TestOneSlowEndpointIsNoOthersConcern(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSubscriber(t, simulator.Config{Users: 60})
		s.subscribe(nil)
		s.answer(hang)
		for index := range 12 {
			must(t, s.tenant.SetDepartment(index, "IT"))
			time.Sleep(time.Minute)
		}
		s.answer(nil)
		other := s.subscribe(fields{"notificationUrl": "https://other.example/"})
		before := len(s.seen(false))
		must(t, s.tenant.SetDepartment(20, "IT"))
		synctest.Wait()
		if got := s.seen(false)[before:]; len(got) != 1 || got[0].Value[0].SubscriptionID != other {
			t.Errorf("%+v", got)
		}
	})
}
