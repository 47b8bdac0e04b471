package bustest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

// basics are the tests of a service without faults.
func basics() map[string]testFunc {
	return map[string]testFunc{
		"everything arrives whole, once":             arrivesOnce,
		"text that services refuse comes back equal": nastyText,
		"large events share a batch by bytes":        largeEvents,
		"too large goes as a claim check":            claimCheck,
		"too large without a claim is an error":      noClaim,
		"each subject stays in order":                inOrder,
		"a publisher can be flushed twice":           twoFlushes,
		"nothing published is nothing sent":          nothing,
		"the end of the context is an error":         cancelled,
		"a repeated event carries the same id":       repeated,
	}
}

func users(n, size int) []bus.Event {
	events := make([]bus.Event, n)
	for i := range events {
		events[i] = User(i, size)
	}
	return events
}

// several fills more than two requests of the bus.
func (b Bus) several() int { return 2*b.Driver.Limits().Entries + 3 }

func arrivesOnce(t *testing.T, b Bus) {
	events := users(b.several(), 300)
	p := b.publisher(t, bus.Options{})
	if err := send(t, p, events); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, b.receive(t, len(events)), events)
	if stats := p.Stats(); stats.Acknowledged != int64(len(events)) || stats.Retried != 0 {
		t.Errorf("stats %+v", stats)
	}
}

func nastyText(t *testing.T, b Bus) {
	events := nasty()
	if err := send(t, b.publisher(t, bus.Options{}), events); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, b.receive(t, len(events)), events)
}

func largeEvents(t *testing.T, b Bus) {
	limit := b.Driver.Limits().EntryBytes
	// One after the other these fill a request exactly, almost, and not.
	var events []bus.Event
	for i, part := range []int{limit / 2, limit / 2, limit - 2000, limit / 3, limit / 3, limit / 3, limit - 900} {
		events = append(events, User(i, part))
	}
	if err := send(t, b.publisher(t, bus.Options{}), events); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, b.receive(t, len(events)), events)
}

func claimCheck(t *testing.T, b Bus) {
	stored := map[string]string{}
	p := b.publisher(t, bus.Options{Claim: func(_ context.Context, id string, data []byte) (string, error) {
		stored[id] = string(data)
		return "s3://bucket/state/claims/" + id + ".json", nil
	}})
	small, large := User(1, 0), User(2, b.Driver.Limits().EntryBytes+1)
	if err := send(t, p, []bus.Event{small, large}); err != nil {
		t.Fatal(err)
	}
	claimed := large
	claimed.Data, claimed.DataRef = nil, "s3://bucket/state/claims/"+large.ID+".json"
	wantEvents(t, b.receive(t, 2), []bus.Event{small, claimed})
	if len(stored) != 1 || stored[large.ID] != string(large.Data) {
		t.Errorf("%d claims were stored, want the data of %s", len(stored), large.ID)
	}
	if p.Stats().Claims != 1 {
		t.Errorf("stats %+v", p.Stats())
	}
}

func noClaim(t *testing.T, b Bus) {
	large := User(2, b.Driver.Limits().EntryBytes+1)
	p := b.publisher(t, bus.Options{})
	failed := wantFailed(t, send(t, p, []bus.Event{large}), large.ID)
	if failed.Remedy == "" {
		t.Errorf("no remedy is given: %v", failed.Error())
	}
	broken := errors.New("no such bucket")
	p = b.publisher(t, bus.Options{Claim: func(context.Context, string, []byte) (string, error) { return "", broken }})
	err := send(t, p, []bus.Event{large})
	wantFailed(t, err, large.ID)
	if !errors.Is(err, broken) {
		t.Errorf("the claim's error is lost: %v", err)
	}
}

func inOrder(t *testing.T, b Bus) {
	const subjects, rounds = 5, 4
	var events []bus.Event
	for round := range rounds {
		for subject := range subjects {
			e := User(subject, 0)
			e.ID = fmt.Sprintf("%d-of-%d", round, subject)
			e.Sequence = fmt.Sprintf("%04d", round)
			events = append(events, e)
		}
	}
	if err := send(t, b.publisher(t, bus.Options{}), events); err != nil {
		t.Fatal(err)
	}
	arrived := b.receive(t, len(events))
	wantEvents(t, arrived, events)
	b.wantOrder(t, arrived)
}

// wantOrder checks, on buses that keep an order, that no subject went back.
func (b Bus) wantOrder(t *testing.T, arrived [][]byte) {
	t.Helper()
	if !b.Ordered {
		return
	}
	last := map[any]string{}
	for _, text := range arrived {
		event := decoded(t, text)
		sequence, _ := event["sequence"].(string)
		if subject := event["subject"]; sequence < last[subject] {
			t.Errorf("subject %v: %s came after %s", subject, sequence, last[subject])
		} else {
			last[subject] = sequence
		}
	}
}

func twoFlushes(t *testing.T, b Bus) {
	p := b.publisher(t, bus.Options{})
	events := users(2, 0)
	for i := range events {
		if err := send(t, p, events[i:i+1]); err != nil {
			t.Fatal(err)
		}
		wantEvents(t, b.receive(t, i+1), events[:i+1])
	}
}

func nothing(t *testing.T, b Bus) {
	p := b.publisher(t, bus.Options{})
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.Stats().Requests != 0 {
		t.Errorf("stats %+v", p.Stats())
	}
}

func cancelled(t *testing.T, b Bus) {
	p := b.publisher(t, bus.Options{})
	if err := p.Publish(t.Context(), User(1, 0)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Publish(ctx, User(2, 0)); !errors.Is(err, context.Canceled) {
		t.Errorf("Publish: %v", err)
	}
	if err := p.Flush(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("Flush after it: %v, want the error to stay", err)
	}
	p = b.publisher(t, bus.Options{})
	if err := p.Publish(t.Context(), User(3, 0)); b.Driver.Limits().Entries > 1 && err != nil {
		t.Fatal(err)
	}
	if err := p.Flush(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Flush: %v", err)
	}
}

func repeated(t *testing.T, b Bus) {
	events := users(3, 0)
	for range 2 {
		if err := send(t, b.publisher(t, bus.Options{}), events); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]bool{}
	for _, e := range events {
		want[e.ID] = true
	}
	// A bus that drops repetitions has three, the others six.
	got := map[string]bool{}
	for _, text := range b.receive(t, 2*len(events)) {
		got[id(t, text)] = true
	}
	if len(got) != len(want) {
		t.Errorf("ids %v arrived, want %v", got, want)
	}
}
