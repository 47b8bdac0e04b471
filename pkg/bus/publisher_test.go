package bus_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/bus/bustest"
	"github.com/rollcall-dev/rollcall/pkg/crash"
)

// driver takes what send takes.
type driver struct {
	limits bus.Limits
	send   func(ctx context.Context, batch []bus.Entry) ([]bus.Failure, error)
}

func (d *driver) String() string     { return "test bus" }
func (d *driver) Limits() bus.Limits { return d.limits }

func (d *driver) Append(dst []byte, e bus.Event) ([]byte, int, error) {
	start := len(dst)
	dst = e.AppendJSON(dst)
	return dst, len(dst) - start, nil
}

func (d *driver) Send(ctx context.Context, batch []bus.Entry) ([]bus.Failure, error) {
	return d.send(ctx, batch)
}

func small() bus.Limits { return bus.Limits{Entries: 2, Bytes: 10_000, EntryBytes: 10_000} }

func TestFailuresOfSeveralRequestsAreOneError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &driver{limits: small(), send: func(ctx context.Context, _ []bus.Entry) ([]bus.Failure, error) {
			time.Sleep(time.Second)
			return []bus.Failure{{Index: 1, Code: "Bad", Remedy: "mend it"}}, nil
		}}
		p := bus.New(d, bus.Options{InFlight: 3})
		for i := range 6 {
			if err := p.Publish(t.Context(), bustest.User(i, 0)); err != nil {
				t.Fatal(err)
			}
		}
		var failed *bus.Error
		if err := p.Flush(t.Context()); !errors.As(err, &failed) || failed.Count != 3 || len(failed.Events) != 3 {
			t.Fatalf("error %v", err)
		}
		for _, e := range failed.Events {
			if e.Index%2 != 1 || e.ID != bustest.User(e.Index, 0).ID {
				t.Errorf("event %+v", e)
			}
		}
		if text := failed.Error(); !strings.Contains(text, "test bus") || !strings.Contains(text, "mend it") || !strings.Contains(text, "Bad") {
			t.Errorf("error %s", text)
		}
	})
}

func TestNothingIsSentAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		limits := small()
		limits.Ordered = true
		d := &driver{limits: limits, send: func(context.Context, []bus.Entry) ([]bus.Failure, error) {
			requests++
			time.Sleep(time.Second)
			return nil, &bus.Refusal{Code: "Bad", Problem: "no"}
		}}
		p := bus.New(d, bus.Options{})
		var err error
		for i := 0; err == nil && i < 100; i++ {
			err = p.Publish(t.Context(), bustest.User(i, 0))
		}
		if flushed := p.Flush(t.Context()); err == nil || !errors.Is(flushed, err) || requests != 1 {
			t.Errorf("%d requests; Publish: %v; Flush: %v", requests, err, flushed)
		}
	})
}

func TestAnUnknownErrorIsNotRetried(t *testing.T) {
	odd := errors.New("odd")
	d := &driver{limits: small(), send: func(context.Context, []bus.Entry) ([]bus.Failure, error) { return nil, odd }}
	p := bus.New(d, bus.Options{})
	if err := p.Publish(t.Context(), bustest.User(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := p.Flush(t.Context()); !errors.Is(err, odd) || p.Stats().Requests != 1 {
		t.Errorf("%d requests: %v", p.Stats().Requests, err)
	}
}

func TestAnEventThatCannotBeSentIsAnError(t *testing.T) {
	long := bustest.User(1, 0)
	long.ID, long.Data = strings.Repeat("x", 20_000), nil
	claimed := bustest.User(1, 20_000)
	for name, row := range map[string]struct {
		event bus.Event
		claim string
	}{
		"no id":             {event: bus.Event{Source: "s", Type: "t"}},
		"no source":         {event: bus.Event{ID: "i", Type: "t"}},
		"no type":           {event: bus.Event{ID: "i", Source: "s"}},
		"long without data": {event: long, claim: "x"},
		"long as a claim":   {event: claimed, claim: strings.Repeat("x", 20_000)},
	} {
		d := &driver{limits: small(), send: func(context.Context, []bus.Entry) ([]bus.Failure, error) { return nil, nil }}
		p := bus.New(d, bus.Options{Claim: func(context.Context, string, []byte) (string, error) { return row.claim, nil }})
		var failed *bus.Error
		if err := p.Publish(t.Context(), row.event); !errors.As(err, &failed) || failed.Count != 1 {
			t.Errorf("%s: %v", name, err)
		}
		if err := p.Flush(t.Context()); err == nil || p.Stats().Requests != 0 {
			t.Errorf("%s: Flush: %v, %d requests", name, err, p.Stats().Requests)
		}
	}
}

func TestAnErrorListsAHundredEventsAndCountsAll(t *testing.T) {
	limits := bus.Limits{Entries: 150, Bytes: 1 << 20, EntryBytes: 1 << 20}
	d := &driver{limits: limits, send: func(_ context.Context, batch []bus.Entry) ([]bus.Failure, error) {
		failures := make([]bus.Failure, len(batch))
		for i := range failures {
			failures[i] = bus.Failure{Index: i, Code: "Bad"}
		}
		return failures, nil
	}}
	p := bus.New(d, bus.Options{})
	var err error
	for i := 0; err == nil && i < 300; i++ {
		err = p.Publish(t.Context(), bustest.User(i, 0))
	}
	var failed *bus.Error
	if err = p.Flush(t.Context()); !errors.As(err, &failed) || failed.Count < 150 || len(failed.Events) != bus.MaxListed {
		t.Fatalf("%v", err)
	}
	if text := err.Error(); len(text) > 500 {
		t.Errorf("the text has %d bytes", len(text))
	}
	if text := fmt.Sprint(slog.Any("error", err).Value.Resolve()); !strings.Contains(text, "Sink.Failed") {
		t.Errorf("logged as %s", text)
	}
}

func TestBodiesStayWholeWhileBuffersAreReused(t *testing.T) {
	var mu sync.Mutex
	arrived := map[string]string{}
	d := &driver{limits: bus.Limits{Entries: 7, Bytes: 5000, EntryBytes: 5000}}
	d.send = func(_ context.Context, batch []bus.Entry) ([]bus.Failure, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range batch {
			arrived[e.ID] = string(e.Body)
		}
		return nil, nil
	}
	p := bus.New(d, bus.Options{InFlight: 2})
	const events = 3000
	for i := range events {
		if err := p.Publish(t.Context(), bustest.User(i, i%2000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range events {
		e := bustest.User(i, i%2000)
		if arrived[e.ID] != string(e.AppendJSON(nil)) {
			t.Fatalf("event %d arrived as %.100s", i, arrived[e.ID])
		}
	}
}

func TestAPanicInADeliveryIsAnErrorOfThePublisher(t *testing.T) {
	d := &driver{limits: small(), send: func(context.Context, []bus.Entry) ([]bus.Failure, error) { panic("kim@contoso.com") }}
	p := bus.New(d, bus.Options{})
	for i := range 2 {
		if err := p.Publish(t.Context(), bustest.User(i, 0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(t.Context()); !errors.As(err, new(*crash.Error)) {
		t.Error(err)
	}
	p.Close()
}
