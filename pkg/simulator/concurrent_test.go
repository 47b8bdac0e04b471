package simulator_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator"
)

// The race detector is what this test is for, and the sum at its end.
func TestManySubscribersManyChangesAndAnEndAtOnce(t *testing.T) {
	s := newSubscriber(t, simulator.Config{Users: 100})
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 20 {
				id := s.subscribe(nil)
				_ = s.tenant.SetDepartment(worker*10+i%10, "IT")
				s.send(http.MethodPatch, "/"+id, `{"expirationDateTime":"`+in(time.Duration(i+1)*time.Hour)+`"}`)
				s.send(http.MethodGet, "", "")
				s.tenant.DeliverNotifications()
				_ = s.tenant.LapseAuthorization(id)
				s.send(http.MethodPost, "/"+id+"/reauthorize", "")
				if i%2 == 0 {
					s.send(http.MethodDelete, "/"+id, "")
				}
			}
		})
	}
	all.Wait()
	s.tenant.Close()
	notices, told := s.tenant.Notices(), 0
	for _, r := range s.seen(false) {
		told += len(r.Value)
	}
	if left := len(s.tenant.Subscriptions()); left != 80 || notices.Delivered == 0 || told < notices.Delivered || notices.Requests > len(s.seen(false)) {
		t.Errorf("%d subscriptions are left, %+v, %d notices in %d requests", left, notices, told, len(s.seen(false)))
	}
}
