package bustest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

// Message is one entry as the double of a service got it.
type Message struct {
	// Body is what a consumer would get.
	Body []byte
	// Size is what the service counts, computed from the request alone.
	Size int
	// Group and Deduplication are those of FIFO, or the partition key; "" where
	// the service has none.
	Group, Deduplication string
}

// Fault is what a double does to a request or to one entry.
type Fault int

// The faults.
const (
	// None takes it.
	None Fault = iota
	// Throttle asks to retry later.
	Throttle
	// Refuse never takes it.
	Refuse
	// Deny answers that the permission is missing.
	Deny
	// Hang answers nothing until the client gives up.
	Hang
	// Forget answers without mentioning the entry.
	Forget
)

// Script decides about request number n, from 1: one fault for the whole of it,
// or one for each of its entries (a shorter list takes the rest).
type Script func(n int, entries []Message) (whole Fault, each []Fault)

// Double is what the doubles of all services have in common: the limits they
// keep, the messages that arrived, and the faults that a script decides.
type Double struct {
	// Limits are the service's own, written down apart from the driver's.
	Limits bus.Limits
	// Whole is a service that takes a request as a whole or not at all.
	Whole bool

	mu         sync.Mutex
	script     Script
	requests   [][]Message
	arrived    [][]byte
	seen       map[string]bool
	violations []string
}

// SetScript sets the script.
func (d *Double) SetScript(s Script) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.script = s
}

// Take is called by the double's handler for each request. It returns what to do
// with the whole of it, and else with each entry; entries with None have arrived.
func (d *Double) Take(entries []Message) (whole Fault, each []Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests = append(d.requests, entries)
	if !d.keepsLimits(entries) {
		return Refuse, nil
	}
	if d.script != nil {
		whole, each = d.script(len(d.requests), entries)
	}
	faults := make([]Fault, len(entries))
	copy(faults, each)
	for _, fault := range faults {
		if d.Whole && fault != None && whole == None {
			whole = fault
		}
	}
	if whole != None {
		return whole, nil
	}
	for i, entry := range entries {
		if faults[i] == None && !d.duplicate(entry) {
			d.arrived = append(d.arrived, append([]byte(nil), entry.Body...))
		}
	}
	return None, faults
}

// duplicate reports whether FIFO has the entry already.
func (d *Double) duplicate(m Message) bool {
	if m.Deduplication == "" {
		return false
	}
	if d.seen == nil {
		d.seen = map[string]bool{}
	}
	duplicate := d.seen[m.Deduplication]
	d.seen[m.Deduplication] = true
	return duplicate
}

func (d *Double) keepsLimits(entries []Message) bool {
	sum, ok := 0, true
	complain := func(format string, args ...any) {
		ok = false
		d.violations = append(d.violations, fmt.Sprintf("request %d: ", len(d.requests))+fmt.Sprintf(format, args...))
	}
	for i, entry := range entries {
		sum += entry.Size
		if entry.Size > d.Limits.EntryBytes {
			complain("entry %d has %d bytes of %d", i, entry.Size, d.Limits.EntryBytes)
		}
	}
	if sum > d.Limits.Bytes {
		complain("%d bytes of %d", sum, d.Limits.Bytes)
	}
	if len(entries) > d.Limits.Entries || len(entries) == 0 {
		complain("%d entries of %d", len(entries), d.Limits.Entries)
	}
	return ok
}

// Requests returns the entries of each request so far.
func (d *Double) Requests() [][]Message {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([][]Message(nil), d.requests...)
}

// Arrived returns the bodies that were taken, in their order.
func (d *Double) Arrived() [][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([][]byte(nil), d.arrived...)
}

// Violations returns the limits that requests broke.
func (d *Double) Violations() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.violations...)
}

// Transport calls a handler in the goroutine of its client: no sockets, so that
// time in a testing/synctest bubble is that of the test.
type Transport struct{ Handler http.Handler }

// RoundTrip answers with what the handler writes, or with the end of the request's
// context.
func (t Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	// The handler is a server: its request's URL and body are never absent.
	r = r.Clone(r.Context())
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	t.Handler.ServeHTTP(w, r)
	if err := context.Cause(r.Context()); err != nil {
		return nil, err
	}
	response := w.Result()
	response.Request = r
	return response, nil
}

// Client is an HTTP client, for the configuration of the AWS SDK, whose requests
// go to the handler.
func Client(h http.Handler) *http.Client { return &http.Client{Transport: Transport{Handler: h}} }
