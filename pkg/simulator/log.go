package simulator

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync"
	"time"
)

// Request is what the tenant remembers of one request.
type Request struct {
	// Method, Host, Path and RawQuery are as they came.
	Method, Host, Path, RawQuery string
	// Kind is list, count, user, batch, organization, token, discovery, secret,
	// foreign or other.
	Kind string
	// Page is the number of a list page in its chain, from 1, else 0.
	Page int
	// ConsistencyLevel, Prefer, ThrottlePriority, ClientRequestID and UserAgent
	// are the headers of those names.
	ConsistencyLevel, Prefer, ThrottlePriority, ClientRequestID, UserAgent string
	// Authorization says how the credential was judged: absent, valid, invalid,
	// expired, revoked or outdated.
	Authorization string
	// TokenHash tells tokens apart: a few digits of a hash, or empty.
	TokenHash string
	// Status is the answer's, 0 while there is none or when the connection was
	// reset instead.
	Status int
	// Faults are the faults that struck.
	Faults []string
	// RequestID is the answer's request-id.
	RequestID string
	// Started, FirstByte and LastByte are when the request came, when its headers
	// were sent, and when the last byte of the body had been taken by the
	// connection. Done says that the answer is over.
	Started, FirstByte, LastByte time.Time
	Done                         bool
	// Bytes is the size of the body so far.
	Bytes int64
}

// requestLimit is how many requests are remembered.
const requestLimit = 10_000

// journal is a ring of the last requests.
type journal struct {
	mu      sync.Mutex
	ring    []*Request
	next    int
	foreign int
	leaked  int
}

func (j *journal) begin(r *http.Request) *Request {
	e := &Request{
		Method: r.Method, Host: r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery, Kind: "other",
		ConsistencyLevel: r.Header.Get("ConsistencyLevel"),
		Prefer:           r.Header.Get("Prefer"),
		ThrottlePriority: r.Header.Get("X-Ms-Throttle-Priority"),
		ClientRequestID:  r.Header.Get("Client-Request-Id"),
		UserAgent:        r.Header.Get("User-Agent"),
		Authorization:    "absent",
		Started:          time.Now(),
	}
	if value := r.Header.Get("Authorization"); value != "" {
		sum := sha256.Sum256([]byte(value))
		e.TokenHash, e.Authorization = hex.EncodeToString(sum[:6]), "unchecked"
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.ring) < requestLimit {
		j.ring = append(j.ring, e)
		return e
	}
	j.ring[j.next] = e
	j.next = (j.next + 1) % requestLimit
	return e
}

// note changes an entry; readers never see it half-changed.
func (j *journal) note(e *Request, change func(e *Request)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(e)
}

func (j *journal) all() []Request {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := make([]Request, 0, len(j.ring))
	for i := range j.ring {
		e := *j.ring[(j.next+i)%len(j.ring)]
		e.Faults = append([]string(nil), e.Faults...)
		all = append(all, e)
	}
	return all
}

// Requests returns the last 10,000 requests, oldest first.
func (t *Tenant) Requests() []Request { return t.journal.all() }

// ForgetRequests empties the journal.
func (t *Tenant) ForgetRequests() {
	t.journal.mu.Lock()
	defer t.journal.mu.Unlock()
	t.journal.ring, t.journal.next = nil, 0
}

// Foreign says how many requests reached the foreign host, and how many of them
// carried an Authorization header, which none ever should.
func (t *Tenant) Foreign() (requests, withToken int) {
	t.journal.mu.Lock()
	defer t.journal.mu.Unlock()
	return t.journal.foreign, t.journal.leaked
}
