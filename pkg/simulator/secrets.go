package simulator

import (
	"fmt"
	"sync"
	"time"
)

// clientSecrets are the passwords of the app registration.
type clientSecrets struct {
	mu          sync.Mutex
	propagation time.Duration
	all         []clientSecret
	tries       uint64
}

type clientSecret struct {
	value    string
	keyID    string
	from, to time.Time // to is zero without an end
	added    time.Time
	first    bool // there from the beginning, so known everywhere
}

type secretVerdict int

const (
	secretWrong secretVerdict = iota
	secretExpired
	secretRight
)

func newClientSecrets(value string, propagation time.Duration) *clientSecrets {
	s := &clientSecrets{propagation: propagation}
	s.all = append(s.all, clientSecret{value: value, keyID: guidFrom(2, 0).String(), first: true})
	return s
}

// judge says what the token service makes of a secret. While a new secret
// propagates, some requests find it and others do not.
func (s *clientSecrets) judge(value string, now time.Time) secretVerdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	verdict := secretWrong
	for _, c := range s.all {
		if c.value != value || now.Before(c.from) {
			continue
		}
		if !c.to.IsZero() && !now.Before(c.to) {
			verdict = max(verdict, secretExpired)
			continue
		}
		if !c.first && now.Before(c.added.Add(s.propagation)) {
			// Fail, work, fail: the first try never finds it.
			if s.tries++; s.tries%2 == 1 {
				continue
			}
		}
		return secretRight
	}
	return verdict
}

func (s *clientSecrets) add(value string, from, to time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := guidFrom(2, uint64(len(s.all))).String()
	s.all = append(s.all, clientSecret{value: value, keyID: id, from: from, to: to, added: time.Now()})
	return id
}

func (s *clientSecrets) end(value string, remove bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.all {
		if s.all[i].value != value {
			continue
		}
		if remove {
			s.all = append(s.all[:i], s.all[i+1:]...)
		} else {
			s.all[i].to = time.Now()
		}
		return nil
	}
	return fmt.Errorf("the app registration has no such client secret")
}

// AddSecret gives the app a further client secret, valid from now until the
// given time (zero: without end), and returns its key id. It works at once, or
// now and then during Config.SecretPropagation.
func (t *Tenant) AddSecret(value string, until time.Time) (keyID string) {
	return t.secrets.add(value, time.Time{}, until)
}

// ExpireSecret makes a secret's life end now: AADSTS7000222 from here on.
func (t *Tenant) ExpireSecret(value string) error { return t.secrets.end(value, false) }

// RemoveSecret takes a secret away: AADSTS7000215 from here on.
func (t *Tenant) RemoveSecret(value string) error { return t.secrets.end(value, true) }

// RotateSecret gives the app a new secret and takes all others away.
func (t *Tenant) RotateSecret(value string) {
	t.secrets.mu.Lock()
	t.secrets.all = nil
	t.secrets.mu.Unlock()
	t.secrets.add(value, time.Time{}, time.Time{})
}
