package page

import (
	"context"
	"sync"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

// eventsKept is how many changes a feed keeps to be shown, the last ones.
const eventsKept = 500

// Feed is the changes since the server was started, as far as the page shows them. It takes
// events as a bus does and may be used by several goroutines. Its memory does not grow with
// their number.
type Feed struct {
	mu      sync.Mutex
	pending []bus.Event // published, and not acknowledged yet
	counts  map[string]int
	waiting map[string]int // counts of pending events
	events  []numbered     // the oldest first
	last    int            // number of the last event
	since   time.Time
	looked  time.Time // when the last round was complete
	users   int
	failed  error
	ended   bool
	changed chan struct{} // closed at the next change of any of this
}

// numbered is an event with its number, from 1.
type numbered struct {
	n     int
	event bus.Event
}

// NewFeed returns a feed without any change.
func NewFeed() *Feed {
	return &Feed{counts: map[string]int{}, waiting: map[string]int{}, changed: make(chan struct{})}
}

// Publish takes an event, which is shown once it is flushed.
func (f *Feed) Publish(_ context.Context, e bus.Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting[e.Type]++
	if f.pending = append(f.pending, e); len(f.pending) >= 2*eventsKept {
		f.pending = append([]bus.Event(nil), f.pending[len(f.pending)-eventsKept:]...)
	}
	return nil
}

// Flush shows what was published.
func (f *Feed) Flush(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	total := 0
	for kind, n := range f.waiting {
		f.counts[kind] += n
		total += n
	}
	f.last += total
	for i, e := range f.pending {
		f.events = append(f.events, numbered{f.last - len(f.pending) + 1 + i, e})
	}
	if len(f.events) > eventsKept {
		f.events = append([]numbered(nil), f.events[len(f.events)-eventsKept:]...)
	}
	f.pending = nil
	clear(f.waiting)
	if total > 0 {
		f.tell()
	}
	return nil
}

// Close drops what was not flushed.
func (f *Feed) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = nil
	clear(f.waiting)
}

// Round says how a round of the change feed has ended, with how many users.
func (f *Feed) Round(users int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	first, recovered := f.since.IsZero(), f.failed != nil
	f.failed = err
	if err != nil {
		f.tell()
		return
	}
	f.looked, f.users = time.Now(), users
	if first {
		f.since = f.looked
	}
	if first || recovered {
		f.tell()
	}
}

// End says that there will be no more changes; err is why, nil where that was asked for.
func (f *Feed) End(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	if err != nil {
		f.failed = err
	}
	f.tell()
}

// tell wakes up who waits for a change. The lock is held.
func (f *Feed) tell() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// next returns what is closed at the next change, and whether there will be one.
func (f *Feed) next() (changed <-chan struct{}, more bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed, !f.ended
}
