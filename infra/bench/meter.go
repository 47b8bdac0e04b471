package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
)

// meter is a server between a function and S3 that counts requests by their method, and
// bytes of bodies.
type meter struct {
	*httptest.Server
	received, sent atomic.Int64 // by S3

	mu       sync.Mutex
	requests map[string]int
}

// startMeter starts a meter in front of the server at an address. Requests keep the host
// that was signed.
func startMeter(address string) (*meter, error) {
	at, err := url.Parse(address)
	if err != nil {
		return nil, err
	}
	m := &meter{requests: map[string]int{}}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = at.Scheme, at.Host, r.In.Host
		},
		ModifyResponse: func(r *http.Response) error {
			r.Body = &counted{ReadCloser: r.Body, count: &m.sent}
			return nil
		},
	}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.mu.Lock()
		m.requests[r.Method]++
		m.mu.Unlock()
		if r.Body != http.NoBody {
			r.Body = &counted{ReadCloser: r.Body, count: &m.received}
		}
		forward.ServeHTTP(w, r)
	}))
	return m, nil
}

// take returns what was counted since the last time.
func (m *meter) take() (requests map[string]int, received, sent int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	requests, m.requests = m.requests, map[string]int{}
	return requests, m.received.Swap(0), m.sent.Swap(0)
}

// counted counts what is read of a body.
type counted struct {
	io.ReadCloser
	count *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.count.Add(int64(n))
	return n, err
}

// eventBus takes events as EventBridge does, and counts them.
type eventBus struct {
	*httptest.Server
	events atomic.Int64
}

func startEventBus() *eventBus {
	b := &eventBus{}
	b.Server = httptest.NewServer(http.HandlerFunc(b.put))
	return b
}

func (b *eventBus) put(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var request struct{ Entries []json.RawMessage }
	if err != nil || json.Unmarshal(body, &request) != nil {
		http.Error(w, "this is no PutEvents", http.StatusBadRequest)
		return
	}
	b.events.Add(int64(len(request.Entries)))
	type entry struct {
		ID string `json:"EventId"`
	}
	answer := struct {
		FailedEntryCount int
		Entries          []entry
	}{Entries: make([]entry, len(request.Entries))}
	for i := range answer.Entries {
		answer.Entries[i].ID = "e"
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(w).Encode(answer) // the function is the one to complain
}
