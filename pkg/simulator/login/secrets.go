package login

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
)

// Secrets are the client secrets of the app registration.
type Secrets struct {
	mu          sync.Mutex
	propagation time.Duration
	all         []clientSecret
	tries       uint64
}

type clientSecret struct {
	value string
	until time.Time // zero without an end
	known time.Time // when it has been propagated everywhere
}

func newSecrets(value string, propagation time.Duration) *Secrets {
	return &Secrets{propagation: propagation, all: []clientSecret{{value: value}}}
}

// judge returns the AADSTS code of what is wrong with a secret, or 0. While a new
// secret propagates, some requests find it and others do not.
func (s *Secrets) judge(value string) (code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	code = 7000215
	now := time.Now()
	for _, c := range s.all {
		switch {
		case c.value != value:
			continue
		case !c.until.IsZero() && !now.Before(c.until):
			code = 7000222
			continue
		case now.Before(c.known):
			// Every other request fails, the first one included.
			if s.tries++; s.tries%2 == 1 {
				continue
			}
		}
		return 0
	}
	return code
}

// Add adds a secret, valid until the given time (zero: without end), and returns
// its key id. It works at once, or on some requests only while it propagates.
func (s *Secrets) Add(value string, until time.Time) (keyID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keyID = guid.Of(2, uint64(len(s.all))).String()
	s.all = append(s.all, clientSecret{value: value, until: until, known: time.Now().Add(s.propagation)})
	return keyID
}

// Expire ends a secret's life now.
func (s *Secrets) Expire(value string) error {
	return s.change(value, func(i int) { s.all[i].until = time.Now() })
}

// Remove removes a secret.
func (s *Secrets) Remove(value string) error {
	return s.change(value, func(i int) { s.all = slices.Delete(s.all, i, i+1) })
}

func (s *Secrets) change(value string, change func(i int)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.all, func(c clientSecret) bool { return c.value == value })
	if i < 0 {
		return errors.New("the app registration has no such client secret")
	}
	change(i)
	return nil
}

// Rotate adds a secret and removes all others.
func (s *Secrets) Rotate(value string) {
	s.mu.Lock()
	s.all = nil
	s.mu.Unlock()
	s.Add(value, time.Time{})
}
