package wire

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/simulator/guid"
)

// Request is what the tenant remembers of one request.
type Request struct {
	// Method, Host, Path and RawQuery are as they came.
	Method, Host, Path, RawQuery string
	// Kind is list, delta, deleted, count, user, batch, subscription, organization, token, discovery, secret,
	// foreign or other.
	Kind string
	// Page is the number of a list page or a delta query in its chain of links, from
	// 1, else 0.
	Page int
	// ConsistencyLevel, Prefer, ThrottlePriority, ClientRequestID and UserAgent
	// are the headers of those names.
	ConsistencyLevel, Prefer, ThrottlePriority, ClientRequestID, UserAgent string
	// Authorization is the verdict on the credential: absent, valid, invalid,
	// expired or revoked; unchecked outside Graph.
	Authorization string
	// TokenHash distinguishes tokens: a few digits of a hash, or empty.
	TokenHash string
	// Status is the answer's, 0 while there is none or when the connection was
	// reset instead.
	Status int
	// Faults are the injected faults.
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

// Journal is a ring of the last requests.
type Journal struct {
	seed   uint64
	serial atomic.Uint64

	mu      sync.Mutex
	ring    []*Request
	next    int
	foreign int
	leaked  int
}

// NewJournal makes a journal. The seed determines the request-ids.
func NewJournal(seed uint64) *Journal { return &Journal{seed: seed} }

// Begin enters a request.
func (j *Journal) Begin(w http.ResponseWriter, r *http.Request) *Exchange {
	e := &Request{
		Method: r.Method, Host: r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery, Kind: "other",
		ConsistencyLevel: r.Header.Get("ConsistencyLevel"),
		Prefer:           r.Header.Get("Prefer"),
		ThrottlePriority: r.Header.Get("X-Ms-Throttle-Priority"),
		ClientRequestID:  r.Header.Get("Client-Request-Id"),
		UserAgent:        r.Header.Get("User-Agent"),
		Authorization:    "absent",
		RequestID:        guid.Of(j.seed+1, j.serial.Add(1)).String(),
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
	} else {
		j.ring[j.next] = e
		j.next = (j.next + 1) % requestLimit
	}
	return &Exchange{W: w, R: r, RequestID: e.RequestID, journal: j, entry: e}
}

// All returns the last 10,000 requests, oldest first.
func (j *Journal) All() []Request {
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

// Forget empties the journal.
func (j *Journal) Forget() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ring, j.next = nil, 0
}

// Foreign returns how many requests reached the foreign host, and how many of
// them carried an Authorization header.
func (j *Journal) Foreign() (requests, withToken int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.foreign, j.leaked
}

// Serial returns a number that no other request, token or correlation id of the
// tenant has.
func (x *Exchange) Serial() uint64 { return x.journal.serial.Add(1) }

// Note changes the request's entry; readers never see it half-changed.
func (x *Exchange) Note(change func(e *Request)) {
	x.journal.mu.Lock()
	defer x.journal.mu.Unlock()
	change(x.entry)
}

// NoteKind records what kind of request it is.
func (x *Exchange) NoteKind(kind string) { x.Note(func(e *Request) { e.Kind = kind }) }

// NoteFaults records injected faults.
func (x *Exchange) NoteFaults(names ...string) {
	x.Note(func(e *Request) { e.Faults = append(e.Faults, names...) })
}

// NoteForeign records that the request reached the foreign host.
func (x *Exchange) NoteForeign() {
	x.Note(func(e *Request) {
		e.Kind = "foreign"
		x.journal.foreign++
		if e.TokenHash != "" {
			x.journal.leaked++
		}
	})
}

// End ends the answer. If the client has given up, the answer is broken off
// instead: what the client has of it must not end as if it were whole. The log
// (nil for none) gets a line without people, tokens or queries.
func (x *Exchange) End(log *slog.Logger) {
	if err := x.R.Context().Err(); err != nil {
		x.Reset(err)
	}
	var e Request
	x.Note(func(entry *Request) {
		entry.Done = true
		e = *entry
	})
	if log != nil {
		log.Info("request",
			"kind", e.Kind, "method", e.Method, "status", e.Status, "page", e.Page, "bytes", e.Bytes,
			"took", time.Since(e.Started).Round(time.Millisecond), "faults", strings.Join(e.Faults, ","), "request_id", e.RequestID)
	}
}
