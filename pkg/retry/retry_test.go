package retry_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/retry"
)

var errBroken = errors.New("broken")

// attempts calls loop.Again until it ends the operation, and returns how many
// attempts were made, how long they took and the final error.
func attempts(ctx context.Context, loop *retry.Loop, after time.Duration) (int, time.Duration, error) {
	began := time.Now()
	for n := 1; ; n++ {
		if err := loop.Again(ctx, errBroken, after, nil); err != nil {
			return n, time.Since(began), err
		}
	}
}

func TestBackoffDoublesUpToItsLimit(t *testing.T) {
	p := retry.Policy{First: time.Second, Last: 5 * time.Second}
	for n, nominal := range map[int]time.Duration{0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 5 * time.Second, 1000: 5 * time.Second} {
		for range 100 {
			if d := p.Backoff(n); d < nominal/2 || d > nominal {
				t.Fatalf("after %d failures the wait is %s, want %s to %s", n, d, nominal/2, nominal)
			}
		}
	}
}

func TestBackoffHasJitter(t *testing.T) {
	p := retry.Policy{First: time.Hour, Last: time.Hour}
	first := p.Backoff(1)
	for range 100 {
		if p.Backoff(1) != first {
			return
		}
	}
	t.Error("every wait is the same")
}

func TestALoopEndsAfterItsAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := retry.Loop{Policy: retry.Policy{Attempts: 3, First: time.Second, Last: time.Second}}
		n, took, err := attempts(t.Context(), &loop, 0)
		if n != 3 || !errors.Is(err, errBroken) || took < time.Second || took > 2*time.Second {
			t.Errorf("%d attempts in %s: %v", n, took, err)
		}
		if loop.Failures() != 3 {
			t.Errorf("%d failures", loop.Failures())
		}
		loop.Reset()
		if n, _, _ := attempts(t.Context(), &loop, 0); n != 3 {
			t.Errorf("%d attempts after a reset", n)
		}
	})
}

func TestAServiceIsWaitedForAsLongAsItAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := retry.Loop{Policy: retry.Policy{Attempts: 2, First: time.Millisecond, Last: time.Millisecond, MaxWait: time.Minute}}
		if _, took, _ := attempts(t.Context(), &loop, time.Minute); took != time.Minute {
			t.Errorf("waited %s", took)
		}
		loop.Reset()
		if n, took, err := attempts(t.Context(), &loop, time.Minute+1); n != 1 || took != 0 || !errors.Is(err, errBroken) || errors.As(err, new(*retry.LateError)) {
			t.Errorf("a wait above the limit: %d attempts in %s: %v", n, took, err)
		}
	})
}

func TestABudgetBoundsTheSumOfTheWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := retry.Loop{Policy: retry.Policy{Attempts: 100, Budget: 10 * time.Second}}
		if n, took, err := attempts(t.Context(), &loop, 3*time.Second); n != 4 || took != 9*time.Second || !errors.Is(err, errBroken) {
			t.Errorf("%d attempts in %s: %v", n, took, err)
		}
	})
}

func TestNoWaitOutlastsTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		loop := retry.Loop{Policy: retry.Policy{Attempts: 100}}
		n, took, err := attempts(ctx, &loop, 2*time.Second)
		var late *retry.LateError
		if n != 3 || took != 4*time.Second || !errors.As(err, &late) || late.Wait != 2*time.Second {
			t.Errorf("%d attempts in %s: %v", n, took, err)
		}
		if !errors.Is(err, errBroken) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v does not say both what failed and why it is final", err)
		}
	})
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reason := errors.New("the caller left")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(reason) })
		loop := retry.Loop{Policy: retry.Policy{Attempts: 100}}
		if n, took, err := attempts(ctx, &loop, time.Hour); n != 1 || took != time.Second || !errors.Is(err, reason) {
			t.Errorf("%d attempts in %s: %v", n, took, err)
		}
		if err := loop.Again(ctx, errBroken, 0, nil); !errors.Is(err, reason) || errors.Is(err, errBroken) {
			t.Errorf("after its end: %v", err)
		}
	})
}

func TestAnObserverHearsOfEveryWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var waits []time.Duration
		loop := retry.Loop{Policy: retry.Policy{Attempts: 3}}
		for range 3 {
			_ = loop.Again(t.Context(), errBroken, time.Second, func(d time.Duration) { waits = append(waits, d) })
		}
		if len(waits) != 2 || waits[0] != time.Second {
			t.Errorf("waits %v", waits)
		}
	})
}
