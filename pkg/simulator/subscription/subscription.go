// Package subscription is the change notifications of a simulated tenant: who has
// subscribed to the changes of which users, the validation of the addresses, and the
// delivery with its retries and its losses.
//
// It imports packages fault, grapherror, guid and tenant. It reads no directory; it is
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

// Service keeps the subscriptions of one app in one tenant.
type Service struct {
	config   tenant.Config
	injector *fault.Injector

	mu       sync.Mutex
	all      []*Subscription // in the order in which they were made
	serial   int
	reserved int // places of subscriptions whose addresses are being validated
}

// New makes the service.
func New(config tenant.Config, injector *fault.Injector) *Service {
	return &Service{config: config, injector: injector}
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
	made := &Subscription{Request: *r, ID: guid.Of(s.config.Seed+3, uint64(s.serial)).String(), Serial: s.serial}
	made.Expires = expires
	s.all = append(s.all, made)
	return *made, nil
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

// forget removes what has expired. The caller has the lock.
func (s *Service) forget() {
	now := time.Now()
	s.all = slices.DeleteFunc(s.all, func(one *Subscription) bool { return !one.Expires.After(now) })
}

// List returns the subscriptions made after the one with a serial number, at most limit,
// and whether there are more.
func (s *Service) List(after, limit int) (some []Subscription, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	for _, one := range s.all {
		if one.Serial <= after {
			continue
		}
		if len(some) == limit {
			return some, true
		}
		some = append(some, *one)
	}
	return some, false
}

// Find returns the subscription with the id, in any case.
func (s *Service) Find(id string) (Subscription, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.find(id)
	if one == nil {
		return Subscription{}, false
	}
	return *one, true
}

// find returns the subscription with the id, or nil. The caller has the lock.
func (s *Service) find(id string) *Subscription {
	s.forget()
	for _, one := range s.all {
		if strings.EqualFold(one.ID, id) {
			return one
		}
	}
	return nil
}

// Renew makes the subscription end at another time. It is false if there is none.
func (s *Service) Renew(id string, expires time.Time) (renewed Subscription, ok bool, refusal *grapherror.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.find(id)
	if one == nil {
		return renewed, false, nil
	}
	if expires, refusal = bounded(expires); refusal != nil {
		return renewed, true, refusal
	}
	one.Expires = expires
	return *one, true, nil
}

// Reauthorize confirms that the app may still be told. It is false if there is no such
// subscription.
func (s *Service) Reauthorize(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.find(id) != nil
}

// Delete ends the subscription. It is false if there is none.
func (s *Service) Delete(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.find(id)
	if one == nil {
		return false
	}
	s.all = slices.DeleteFunc(s.all, func(other *Subscription) bool { return other == one })
	return true
}
