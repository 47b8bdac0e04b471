package login

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
)

// Secrets are the client secrets of an app registration.
type Secrets struct {
	mu          sync.Mutex
	key         []byte
	propagation time.Duration
	all         []clientSecret
	tries       uint64
}

// Password is a client secret as the registration shows it.
type Password struct {
	// KeyID is its id, Name what it was called, Hint its first three characters.
	KeyID, Name, Hint string
	// Start and End are when its life begins and ends; End is zero without an end.
	Start, End time.Time
}

type clientSecret struct {
	Password
	value   string
	added   time.Time
	known   time.Time // when it has been propagated everywhere
	removed time.Time // zero while it is there
}

// newSecrets makes the secrets of a registration that has one from the start. What is made
// up later depends on the key.
func newSecrets(value string, propagation time.Duration, key []byte) *Secrets {
	s := &Secrets{key: key, propagation: propagation}
	s.add(clientSecret{value: value})
	return s
}

// add keeps a secret under a new id.
func (s *Secrets) add(c clientSecret) Password {
	sum := s.sum("id", len(s.all))
	c.KeyID = guid.Of(uint64(sum[0])<<8|uint64(sum[1]), uint64(len(s.all))).String()
	c.Hint = c.value[:min(3, len(c.value))]
	s.all = append(s.all, c)
	return c.Password
}

func (s *Secrets) sum(what string, n int) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(strconv.AppendInt([]byte(what+" "), int64(n), 10))
	return mac.Sum(nil)
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
		case c.value != value || !c.removed.IsZero():
			continue
		case !c.End.IsZero() && !now.Before(c.End):
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
	now := time.Now()
	return s.add(clientSecret{value: value, Password: Password{Start: now, End: until}, added: now, known: now.Add(s.propagation)}).KeyID
}

// AddPassword makes up a secret under a name, and returns it with its value, which is never
// shown again.
func (s *Secrets) AddPassword(name string, start, end time.Time) (made Password, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	value = strings.ReplaceAll(base64.RawURLEncoding.EncodeToString(s.sum("secret", len(s.all)))[:40], "_", "~")
	return s.add(clientSecret{
		value: value, Password: Password{Name: name, Start: start, End: end}, added: now, known: now.Add(s.propagation),
	}), value
}

// Passwords are the secrets that there were at a moment.
func (s *Secrets) Passwords(at time.Time) []Password {
	s.mu.Lock()
	defer s.mu.Unlock()
	var there []Password
	for _, c := range s.all {
		if !c.added.After(at) && (c.removed.IsZero() || c.removed.After(at)) {
			there = append(there, c.Password)
		}
	}
	return there
}

// RemovePassword removes the secret with an id, and reports whether there is one that was
// there at a moment.
func (s *Secrets) RemovePassword(keyID string, at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range s.all {
		if strings.EqualFold(c.KeyID, keyID) && c.removed.IsZero() && !c.added.After(at) {
			s.all[i].removed = time.Now()
			return true
		}
	}
	return false
}

// Expire ends a secret's life now.
func (s *Secrets) Expire(value string) error {
	return s.change(value, func(c *clientSecret) { c.End = time.Now() })
}

// Remove removes a secret.
func (s *Secrets) Remove(value string) error {
	return s.change(value, func(c *clientSecret) { c.removed = time.Now() })
}

func (s *Secrets) change(value string, change func(*clientSecret)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.all, func(c clientSecret) bool { return c.value == value && c.removed.IsZero() })
	if i < 0 {
		return errors.New("the app registration has no such client secret")
	}
	change(&s.all[i])
	return nil
}

// Rotate adds a secret and removes all others.
func (s *Secrets) Rotate(value string) {
	s.mu.Lock()
	for i := range s.all {
		if s.all[i].removed.IsZero() {
			s.all[i].removed = time.Now()
		}
	}
	s.mu.Unlock()
	s.Add(value, time.Time{})
}
