package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/credential"
	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// clock compares this machine's clock with the headers of Graph's answers.
type clock struct {
	mu   sync.Mutex
	seen bool
	// skew is by how much this clock is ahead, and doubt how long the answer took.
	skew, doubt time.Duration
}

// watch is an option of a reader: it looks at every answer.
func (k *clock) watch(_ *credential.Config, g *graph.Config) {
	next := g.Transport
	if next == nil {
		next = graph.NewTransport()
	}
	g.Transport = &watched{next, k}
}

// watched is a transport whose answers are looked at.
type watched struct {
	next  http.RoundTripper
	clock *clock
}

// RoundTrip sends a request.
func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	sent := time.Now()
	answer, err := w.next.RoundTrip(r)
	if err == nil {
		w.clock.look(answer.Header, sent, time.Now())
	}
	return answer, err
}

// look takes the time of an answer. Of several the one that came soonest tells most.
func (k *clock) look(h http.Header, sent, came time.Time) {
	at, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if doubt := came.Sub(sent); !k.seen || doubt < k.doubt {
		k.seen, k.doubt = true, doubt
		k.skew = sent.Add(doubt / 2).Sub(at.Add(time.Second / 2)) // it has whole seconds
	}
}

// How far clocks may be apart: Entra ID takes assertions within five minutes.
const (
	tolerable = time.Minute
	refused   = 5 * time.Minute
)

// clock says whether this machine's clock is right.
func (c *checks) clock(here *clock) {
	here.mu.Lock()
	defer here.mu.Unlock()
	if !here.seen {
		c.skip("clock", "because Graph gave no answer with a time")
		return
	}
	off, way := here.skew, "ahead of"
	if off < 0 {
		off, way = -off, "behind"
	}
	found := fmt.Sprintf("%s %s Graph's", off.Round(time.Second), way)
	switch {
	case off >= refused:
		c.fail("clock", found+"\nEntra ID refuses what is signed more than five minutes off, and runs are ordered by time: set this machine's clock by NTP")
	case off >= tolerable:
		c.warn("clock", "%s", found)
		c.below("set this machine's clock by NTP, before it is five minutes off")
	default:
		c.ok("clock", "within a minute of Graph's")
	}
}
