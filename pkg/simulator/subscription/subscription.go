// Package subscription is the change notifications of a simulated tenant: who has
// subscribed to the changes of which users, the validation of the addresses, and the
// delivery with its retries and its losses.
//
// It imports packages fault, grapherror, guid, tenant and wire. It reads no directory; it is
// told what changes.
package subscription

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/fault"
	"github.com/rollcall-dev/rollcall/pkg/simulator/grapherror"
	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
	"github.com/rollcall-dev/rollcall/pkg/simulator/tenant"
)

// The types of changes of users that can be subscribed to.
const (
	updated = "updated"
	deleted = "deleted"
)

// How long a subscription may live: what is shorter is made as long as the least, what is
// longer is refused (Graph's reference, "subscription resource type").
const (
	MinLifetime = 45 * time.Minute
	MaxLifetime = 41_760 * time.Minute
)

// Subscription is one that exists.
type Subscription struct {
	Request

	ID string
	// Serial says in which order they were made, from 1.
	Serial int
}

// State is a subscription with what has become of its notices.
type State struct {
	Subscription
	Counts

	// Pending is how many notices wait to be sent, again or for the first time.
	Pending int
}

// Counts counts notices, of which a request has up to 100: those that were delivered, and
// those that were dropped and never will be. Requests were sent, of which Failed had no
// answer 2xx in time.
type Counts struct{ Delivered, Dropped, Requests, Failed int }

// Service keeps the subscriptions of one app in one tenant.
type Service struct {
	config   tenant.Config
	injector *fault.Injector
	couriers sync.WaitGroup // those that run

	mu        sync.Mutex
	all       []*courier // in the order in which they were made
	serial    int
	sequence  int64 // of the last change
	reserved  int   // places of subscriptions whose addresses are being validated
	endpoints map[string]*endpoint
	total     Counts
	closed    bool
}

// New makes the service.
func New(config tenant.Config, injector *fault.Injector) *Service {
	return &Service{config: config, injector: injector, endpoints: map[string]*endpoint{}}
}

// Create validates the addresses and makes the subscription.
func (s *Service) Create(ctx context.Context, r *Request, requestID string) (Subscription, *grapherror.Error) {
	expires, refusal := bounded(r.Expires)
	if refusal == nil {
		refusal = s.reserve()
	}
	if refusal != nil {
		return Subscription{}, refusal
	}
	refusal = s.handshake(ctx, r, requestID)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reserved--
	if refusal != nil {
		return Subscription{}, refusal
	}
	s.serial++
	c := &courier{
		Service:      s,
		Subscription: Subscription{Request: *r, ID: guid.Of(s.config.Seed+3, uint64(s.serial)).String(), Serial: s.serial},
	}
	c.Expires = expires
	s.all = append(s.all, c)
	c.start(context.WithoutCancel(ctx))
	return c.Subscription, nil
}

// bounded is the moment at which a subscription ends that is to end at another.
func bounded(expires time.Time) (time.Time, *grapherror.Error) {
	switch left := time.Until(expires); {
	case left <= 0:
		return expires, invalid("Subscription expiration must be in the future.")
	case left > MaxLifetime:
		return expires, invalid(fmt.Sprintf("Subscription expiration can only be %d minutes in the future.", int(MaxLifetime.Minutes())))
	case left < MinLifetime:
		return time.Now().Add(MinLifetime).UTC(), nil
	}
	return expires, nil
}

// reserve takes a place of the quota.
func (s *Service) reserve() *grapherror.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	if len(s.all)+s.reserved >= s.config.MaxSubscriptions {
		return grapherror.New(http.StatusForbidden, "ExtensionError", fmt.Sprintf(
			"Operation: Create; Exception: [Status Code: Forbidden; Reason: The application has reached its limit of %d subscriptions in the tenant.]",
			s.config.MaxSubscriptions))
	}
	s.reserved++
	return nil
}

// List returns the subscriptions made after the one with a serial number, at most limit
// unless it is 0, and whether there are more.
func (s *Service) List(after, limit int) (some []State, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	for _, c := range s.all {
		if c.Serial <= after {
			continue
		}
		if limit > 0 && len(some) == limit {
			return some, true
		}
		some = append(some, State{Subscription: c.Subscription, Counts: c.counts, Pending: len(c.queue) + c.inFlight})
	}
	return some, false
}

// Find returns the subscription with the id, in any case.
func (s *Service) Find(id string) (found Subscription, ok bool) {
	ok = s.with(id, func(c *courier) { found = c.Subscription })
	return found, ok
}

// with does something to the subscription with the id, in any case, and is false if there
// is none.
func (s *Service) with(id string, do func(c *courier)) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	for _, c := range s.all {
		if strings.EqualFold(c.ID, id) {
			do(c)
			c.plan()
			return true
		}
	}
	return false
}

// Renew makes the subscription end at another time, which also authorises it anew. It is
// false if there is none.
func (s *Service) Renew(id string, expires time.Time) (renewed Subscription, ok bool, refusal *grapherror.Error) {
	ok = s.with(id, func(c *courier) {
		if expires, refusal = bounded(expires); refusal == nil {
			c.Expires, c.settled = expires, false
			c.resume()
			renewed = c.Subscription
		}
	})
	return renewed, ok, refusal
}

// Reauthorize confirms that the app may still be told, until the subscription ends. It is
// false if there is none.
func (s *Service) Reauthorize(id string) bool {
	return s.with(id, func(c *courier) {
		c.settled = true
		c.resume()
	})
}

// Lapse ends the authorisation: the subscriber is told at once, and of no change until it
// reauthorises or renews. It is false if there is no such subscription.
func (s *Service) Lapse(id string) bool {
	return s.with(id, func(c *courier) { c.settled, c.lapsed, c.reminded = false, true, time.Time{} })
}

// End ends the subscription: it is deleted, or its time is over, and nobody is told. It is
// false if there is none.
func (s *Service) End(id string) bool {
	ended := s.with(id, func(c *courier) { c.Expires = time.Time{} })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	return ended
}

// forget ends what has expired. The caller has the lock.
func (s *Service) forget() {
	now, before := time.Now(), len(s.all)
	s.all = slices.DeleteFunc(s.all, func(c *courier) bool {
		if c.Expires.After(now) {
			return false
		}
		c.cancel()
		c.timer.Stop()
		c.drop(len(c.queue))
		c.queue = nil
		return true
	})
	if len(s.all) == before {
		return
	}
	for host, e := range s.endpoints {
		if e.condition(now) == prompt && len(e.slots) == 0 {
			delete(s.endpoints, host)
		}
	}
}
