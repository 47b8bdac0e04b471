package bustest

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

// failures are the tests of a service that fails.
func failures() map[string]testFunc {
	return map[string]testFunc{
		"only failed entries are resent":            partial,
		"a throttled request is resent":             throttled,
		"an unmentioned entry is not acknowledged":  forgotten,
		"a refused entry is named, others arrive":   refused,
		"a denied request names the permission":     denied,
		"tries are bounded":                         bounded,
		"an entry fills its limit to the byte":      fullEntry,
		"a request fills its limit to the byte":     fullRequest,
		"retries never pass the deadline":           deadline,
		"a service that is silent is given up":      silent,
		"a flush in progress can be cancelled":      interrupted,
		"a failed publisher stays failed":           staysFailed,
		"a subject stays in order through retries":  orderedRetries,
		"closing ends what is under way":            closing,
		"several requests are under way unordered":  inFlight,
		"slow acknowledgement of a few is progress": progress,
	}
}

// batchOf is how many events go in one request in these tests.
func (b Bus) batchOf() int { return min(b.Driver.Limits().Entries, 6) }

func partial(t *testing.T, b Bus) {
	events := users(b.batchOf(), 0)
	failed := map[string]bool{}
	b.Double.SetScript(func(n int, entries []Message) (Fault, []Fault) {
		faults := make([]Fault, len(entries))
		for i := range entries {
			if n == 1 && (len(entries) == 1 || i == 1 || i == 4) {
				faults[i] = Throttle
				failed[id(t, entries[i].Body)] = true
			}
			if n > 1 && !failed[id(t, entries[i].Body)] && !b.Double.Whole {
				t.Errorf("request %d resends %s, which was accepted", n, id(t, entries[i].Body))
			}
		}
		return None, faults
	})
	if err := send(t, b.publisher(t, bus.Options{}), events); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, b.receive(t, len(events)), events)
	if n := len(b.Double.Requests()); n < 2 {
		t.Errorf("%d requests", n)
	}
}

func forgotten(t *testing.T, b Bus) {
	if b.Double.Whole {
		return // its answers mention no entries
	}
	events := users(b.batchOf(), 0)
	b.Double.SetScript(func(n int, entries []Message) (Fault, []Fault) {
		if n > 1 {
			return None, nil
		}
		faults := make([]Fault, len(entries))
		faults[len(faults)-1] = Forget
		return None, faults
	})
	if err := send(t, b.publisher(t, bus.Options{}), events); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, b.receive(t, len(events)), events)
}

func throttled(t *testing.T, b Bus) {
	events := users(b.batchOf(), 0)
	b.Double.SetScript(func(n int, _ []Message) (Fault, []Fault) {
		if n <= 3 {
			return Throttle, nil
		}
		return None, nil
	})
	p := b.publisher(t, bus.Options{})
	if err := send(t, p, events); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, b.receive(t, len(events)), events)
	if p.Stats().Retried == 0 {
		t.Errorf("stats %+v", p.Stats())
	}
}

// refusing never takes the event with this id.
func refusing(t *testing.T, poison string) Script {
	return func(_ int, entries []Message) (Fault, []Fault) {
		faults := make([]Fault, len(entries))
		for i := range entries {
			if id(t, entries[i].Body) == poison {
				faults[i] = Refuse
			}
		}
		return None, faults
	}
}

func refused(t *testing.T, b Bus) {
	events := users(max(b.batchOf(), 3), 0)
	poison := len(events) - 1
	b.Double.SetScript(refusing(t, events[poison].ID))
	p := b.publisher(t, bus.Options{})
	failed := wantFailed(t, send(t, p, events), events[poison].ID)
	if failed.Events[0].Index != poison {
		t.Errorf("index %d, want %d", failed.Events[0].Index, poison)
	}
	wantEvents(t, b.receive(t, poison), events[:poison])
}

func denied(t *testing.T, b Bus) {
	b.Double.SetScript(func(int, []Message) (Fault, []Fault) { return Deny, nil })
	p := b.publisher(t, bus.Options{})
	e := User(1, 0)
	failed := wantFailed(t, send(t, p, []bus.Event{e}), e.ID)
	if p.Stats().Requests != 1 {
		t.Errorf("a request that is not allowed was made %d times", p.Stats().Requests)
	}
	if failed.Remedy == "" || !strings.Contains(failed.Error(), failed.Remedy) {
		t.Errorf("no remedy is given: %v", failed.Error())
	}
}

func bounded(t *testing.T, b Bus) {
	b.Double.SetScript(func(int, []Message) (Fault, []Fault) { return Throttle, nil })
	p := b.publisher(t, bus.Options{Tries: 4})
	e := User(1, 0)
	failed := wantFailed(t, send(t, p, []bus.Event{e}), e.ID)
	if failed.Tries != 4 || p.Stats().Requests != 4 {
		t.Errorf("%d tries, %d requests, want 4", failed.Tries, p.Stats().Requests)
	}
}

func staysFailed(t *testing.T, b Bus) {
	e := User(1, 0)
	b.Double.SetScript(refusing(t, e.ID))
	p := b.publisher(t, bus.Options{})
	first := send(t, p, []bus.Event{e})
	wantFailed(t, first, e.ID)
	b.Double.SetScript(nil)
	before := len(b.Double.Requests())
	if err := p.Publish(t.Context(), User(2, 0)); !errors.Is(err, first) {
		t.Errorf("Publish: %v", err)
	}
	if err := p.Flush(t.Context()); !errors.Is(err, first) {
		t.Errorf("Flush: %v", err)
	}
	if len(b.Double.Requests()) != before || len(b.Double.Arrived()) != 0 {
		t.Error("a failed publisher sent something")
	}
}

func orderedRetries(t *testing.T, b Bus) {
	const subjects, rounds = 3, 6
	var events []bus.Event
	for round := range rounds {
		for subject := range subjects {
			e := User(subject, 0)
			e.ID, e.Sequence = fmt.Sprintf("%d-of-%d", round, subject), fmt.Sprintf("%04d", round)
			events = append(events, e)
		}
	}
	b.Double.SetScript(func(n int, entries []Message) (Fault, []Fault) {
		faults := make([]Fault, len(entries))
		if n%3 != 0 {
			faults[n%len(entries)] = Throttle
		}
		return None, faults
	})
	if err := send(t, b.publisher(t, bus.Options{}), events); err != nil {
		t.Fatal(err)
	}
	arrived := b.receive(t, len(events))
	wantEvents(t, arrived, events)
	b.wantOrder(t, arrived)
}

func progress(t *testing.T, b Bus) {
	// Each request takes one entry: more requests than tries.
	b.Double.SetScript(func(_ int, entries []Message) (Fault, []Fault) {
		faults := make([]Fault, len(entries))
		for i := 1; i < len(faults); i++ {
			faults[i] = Throttle
		}
		if b.Double.Whole {
			clear(faults)
		}
		return None, faults
	})
	events := users(b.batchOf(), 0)
	if err := send(t, b.publisher(t, bus.Options{Tries: 2}), events); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, b.receive(t, len(events)), events)
}
