package bustest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
)

func deadline(t *testing.T, b Bus) {
	b.Double.SetScript(func(int, []Message) (Fault, []Fault) { return Throttle, nil })
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	p := b.publisher(t, bus.Options{Tries: 1000})
	e := User(1, 0)
	if err := p.Publish(ctx, e); err != nil {
		t.Fatal(err)
	}
	err := p.Flush(ctx)
	wantFailed(t, err, e.ID)
	if ctx.Err() != nil {
		t.Error("the deadline passed before the publisher gave up")
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v does not say that it was the deadline", err)
	}
}

func silent(t *testing.T, b Bus) {
	b.Double.SetScript(func(n int, _ []Message) (Fault, []Fault) {
		if n == 1 {
			return Hang, nil
		}
		return None, nil
	})
	start := time.Now()
	events := users(1, 0)
	if err := send(t, b.publisher(t, bus.Options{Timeout: 10 * time.Second}), events); err != nil {
		t.Fatal(err)
	}
	wantEvents(t, b.receive(t, 1), events)
	if took := time.Since(start); took < 10*time.Second || took > soon {
		t.Errorf("it took %s", took)
	}
}

func interrupted(t *testing.T, b Bus) {
	b.Double.SetScript(func(int, []Message) (Fault, []Fault) { return Hang, nil })
	p := b.publisher(t, bus.Options{Timeout: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := p.Publish(t.Context(), User(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := p.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Flush: %v", err)
	}
}

func closing(t *testing.T, b Bus) {
	b.Double.SetScript(func(int, []Message) (Fault, []Fault) { return Hang, nil })
	p := b.publisher(t, bus.Options{Timeout: time.Hour})
	for i := range b.Driver.Limits().Entries {
		if err := p.Publish(t.Context(), User(i, 0)); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Wait()
	p.Close()
	if err := p.Publish(t.Context(), User(0, 0)); err == nil {
		t.Error("a closed publisher took an event")
	}
}

func inFlight(t *testing.T, b Bus) {
	b.Double.SetScript(func(int, []Message) (Fault, []Fault) { return Hang, nil })
	p := b.publisher(t, bus.Options{Timeout: time.Hour, InFlight: 3})
	want := 3
	if b.Ordered {
		want = 1
	}
	for i := range want * b.Driver.Limits().Entries {
		if err := p.Publish(t.Context(), User(i, 0)); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Wait()
	if got := len(b.Double.Requests()); got != want {
		t.Errorf("%d requests are under way, want %d", got, want)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	var err error
	for i := 0; err == nil; i++ {
		if i > b.Driver.Limits().Entries {
			t.Fatal("Publish does not wait for a request to end")
		}
		err = p.Publish(ctx, User(i, 0))
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Publish: %v", err)
	}
}
