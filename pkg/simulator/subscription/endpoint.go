package subscription

import (
	"net/url"
	"time"
)

// How Graph treats an endpoint that is slow (its documentation, "Receive change
// notifications through webhooks", throttling): by the share of answers within the window
// that took longer than patience.
const (
	window    = 10 * time.Minute
	slowShare = 0.10
	dropShare = 0.15
	slowDelay = 10 * time.Second
	// fewest is how many answers tell something about an endpoint. Graph's number is not
	// published; with one, a single late answer would cost ten minutes of notifications.
	fewest = 10
)

// condition is how an endpoint is treated.
type condition int

const (
	prompt   condition = iota // notified at once
	slow                      // notified later
	dropping                  // not notified: its notifications are lost
)

// endpoint is what is known of a host that is notified.
type endpoint struct {
	slots     []slot // of the window, oldest first
	dropUntil time.Time
}

// slot counts the answers of some seconds.
type slot struct {
	start       time.Time
	total, late int
}

const slotLength = 10 * time.Second

// record counts an answer.
func (e *endpoint) record(now time.Time, late bool) {
	if n := len(e.slots); n == 0 || now.Sub(e.slots[n-1].start) >= slotLength {
		e.slots = append(e.slots, slot{start: now})
	}
	last := &e.slots[len(e.slots)-1]
	last.total++
	if late {
		last.late++
	}
}

// condition is how the endpoint is treated now.
func (e *endpoint) condition(now time.Time) condition {
	for len(e.slots) > 0 && now.Sub(e.slots[0].start) >= window {
		e.slots = e.slots[1:]
	}
	if now.Before(e.dropUntil) {
		return dropping
	}
	total, late := 0, 0
	for _, s := range e.slots {
		total, late = total+s.total, late+s.late
	}
	switch share := float64(late) / float64(max(total, 1)); {
	case total < fewest || share <= slowShare:
		return prompt
	case share <= dropShare:
		return slow
	}
	// When the time is over, all that was seen before has left the window.
	e.dropUntil = now.Add(window)
	return dropping
}

// hostOf is what tells endpoints apart: the host of their address.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Host
}
