package subscription

import (
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
)

// Changed tells the subscribers of a user that it has changed, or is gone for good. It
// returns at once.
func (s *Service) Changed(user guid.GUID, gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == 0 {
		return
	}
	now := time.Now()
	s.sequence = max(s.sequence+1, ticks(now))
	for _, c := range s.all {
		if c.wants(user, gone) {
			c.push(notice{user: user, gone: gone, sequence: s.sequence, at: now, due: now.Add(s.config.NotificationLag)})
			c.plan()
		}
	}
}

// wants says whether the subscription is to changes of that kind of that user.
func (c *courier) wants(user guid.GUID, gone bool) bool {
	return (c.User == "" || c.User == user.String()) && strings.Contains(c.ChangeType, changeType(gone))
}

// Deliver makes all notices due that wait for their first or their next attempt.
func (s *Service) Deliver() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		for i := range c.queue {
			c.queue[i].due = time.Now()
		}
		c.plan()
	}
}

// Total adds up the counts of all subscriptions, of those too that have ended.
func (s *Service) Total() Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// Close ends all delivery, and returns when nothing is being sent any more. What
// subscriptions there are stay, and further ones can be made; nobody is notified.
func (s *Service) Close() {
	s.mu.Lock()
	s.closed = true
	for _, c := range s.all {
		c.cancel()
		c.timer.Stop()
	}
	s.mu.Unlock()
	s.couriers.Wait()
}

// count adds to the counts of the subscription and to the total. The caller has the lock.
func (c *courier) count(more Counts) {
	for _, counts := range []*Counts{&c.counts, &c.total} {
		counts.Delivered += more.Delivered
		counts.Dropped += more.Dropped
		counts.Requests += more.Requests
		counts.Failed += more.Failed
	}
}

// drop counts notices that will never be delivered. The caller has the lock.
func (c *courier) drop(notices int) { c.count(Counts{Dropped: notices}) }

// conditionOf is how the endpoint of an address is treated now.
func (s *Service) conditionOf(address string) condition {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.endpoint(address).condition(time.Now())
}

// endpoint is what is known of the host of an address. The caller has the lock.
func (s *Service) endpoint(address string) *endpoint {
	host := hostOf(address)
	if s.endpoints[host] == nil {
		s.endpoints[host] = &endpoint{}
	}
	return s.endpoints[host]
}
