// Package bustest is the one conformance suite of all buses. [Run] puts a driver
// before a double of its service, which keeps the service's limits and can be made
// to fail; [RunServer] puts it before a third party's server, and checks what can be
// seen from outside.
package bustest

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

// Bus is one bus under test.
type Bus struct {
	// Driver sends to it.
	Driver bus.Driver
	// Receive returns what consumers got, in its order, each the JSON of one
	// event: as soon as there are want messages, and after a moment if there
	// are fewer.
	Receive func(ctx context.Context, want int) ([][]byte, error)
	// Ordered says that the service keeps the order of what it is sent.
	Ordered bool
	// Double is the service, nil for a third party's.
	Double *Double
}

// Open makes a bus that nobody else uses, with nothing in it.
type Open func(t *testing.T) Bus

// Run runs the whole suite, each test in a bubble of its own time.
func Run(t *testing.T, open Open) {
	for name, test := range basics() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runOne(t, open, test) })
		})
	}
	for name, test := range failures() {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { runOne(t, open, test) })
		})
	}
}

// RunServer runs the tests that need no faults.
func RunServer(t *testing.T, open Open) {
	for name, test := range basics() {
		t.Run(name, func(t *testing.T) { runOne(t, open, test) })
	}
}

type testFunc func(t *testing.T, b Bus)

func runOne(t *testing.T, open Open, test testFunc) {
	b := open(t)
	if b.Double != nil {
		b.Receive = func(context.Context, int) ([][]byte, error) { return b.Double.Arrived(), nil }
	}
	test(t, b)
	if b.Double != nil {
		for _, complaint := range b.Double.Violations() {
			t.Error("limit broken: " + complaint)
		}
		b.wantSubjectsOnce(t)
	}
}

// publisher returns a publisher to the bus that ends with the test.
func (b Bus) publisher(t *testing.T, o bus.Options) *bus.Publisher {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	p := bus.New(b.Driver, o)
	t.Cleanup(p.Close)
	return p
}

// send publishes and flushes.
func send(t *testing.T, p *bus.Publisher, events []bus.Event) error {
	t.Helper()
	for _, e := range events {
		if err := p.Publish(t.Context(), e); err != nil {
			return err
		}
	}
	return p.Flush(t.Context())
}

func (b Bus) receive(t *testing.T, want int) [][]byte {
	t.Helper()
	arrived, err := b.Receive(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	return arrived
}

// wantSubjectsOnce checks that no request held two events of one subject.
func (b Bus) wantSubjectsOnce(t *testing.T) {
	t.Helper()
	for n, request := range b.Double.Requests() {
		subjects := map[any]bool{}
		for _, entry := range request {
			event := decoded(t, entry.Body)
			if subject := event["subject"]; subject != nil && subjects[subject] {
				t.Errorf("request %d holds subject %v twice", n+1, subject)
			}
			subjects[event["subject"]] = true
		}
	}
}

// wantFailed checks that err is the bus's own, names these events and says
// nothing of a user.
func wantFailed(t *testing.T, err error, ids ...string) bus.Error {
	t.Helper()
	var failed *bus.Error
	if !errors.As(err, &failed) {
		t.Fatalf("error %v (%T), want a *bus.Error", err, err)
	}
	if failed.Name() != "Sink.Failed" {
		t.Errorf("name %q", failed.Name())
	}
	named := map[string]bool{}
	for _, event := range failed.Events {
		named[event.ID] = true
		if event.Code == "" {
			t.Errorf("no reason is given for %s", event.ID)
		}
	}
	if failed.Count != len(ids) || len(named) != len(ids) {
		t.Errorf("%d events failed (%v), want %d: %v", failed.Count, failed.Events, len(ids), err)
	}
	for _, id := range ids {
		if !named[id] {
			t.Errorf("the error does not name %s: %v", id, err)
		}
	}
	return *failed
}

// soon is a bound for what must not hang. In a bubble it takes no time.
const soon = time.Minute
