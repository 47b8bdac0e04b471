package page

import (
	"fmt"
	"net/http"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/failure"
)

// EventsPath is where pages hear that there is something new. An answer lasts as long as the
// browser listens, so whoever limits how many requests are answered at a time leaves it out.
const EventsPath = "/changes/events"

const (
	// listeners is how many pages may listen at a time.
	listeners = 64
	// heartbeat keeps whatever is between from ending a connection on which nothing comes.
	heartbeat = 15 * time.Second
	// breath is the least time between two events: a busy directory changes more often than
	// a page is worth to be read anew.
	breath = time.Second
)

// live tells a page whenever there is something new, as server-sent events. They name no
// person: the page reads itself again.
func (p *Page) live(w http.ResponseWriter, r *http.Request) {
	select {
	case p.listening <- struct{}{}:
		defer func() { <-p.listening }()
	default:
		failure.Failure{
			Status: http.StatusServiceUnavailable, Name: "Request.Throttled", RetryAfter: heartbeat,
			Message: fmt.Sprintf("%d pages are listening for changes, which is as many as may at a time; close some", listeners),
		}.Write(w)
		return
	}
	protect(w.Header())
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for text := "retry: 5000\n\n"; ; {
		changed, more := p.config.Changes.next()
		if _, err := w.Write([]byte(text)); err != nil || control.Flush() != nil || !more {
			return
		}
		select {
		case <-changed:
			text = "event: change\ndata: new\n\n"
		case <-beat.C:
			text = ": nothing new\n\n"
			continue
		case <-r.Context().Done():
			return
		}
		select {
		case <-time.After(breath):
		case <-r.Context().Done():
			return
		}
	}
}
