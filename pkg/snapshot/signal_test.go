package snapshot_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/snapshot"
)

// TestASignalAtAnyStepIsAnsweredByWhatIsTrue cancels a run at each of its calls, before it
// and after it.
func TestASignalAtAnyStepIsAnsweredByWhatIsTrue(t *testing.T) {
	terminated := errors.New("terminated signal received")
	for _, replyLost := range []bool{false, true} {
		published, stopped := 0, 0
		for step, injected := 1, true; injected; step++ {
			injected = false
			synctest.Test(t, func(t *testing.T) {
				f := newPublishedFixture(t)
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				seen, where := 0, ""
				hook := func(op, key string) error {
					if seen++; seen == step {
						injected, where = true, op+" "+key
						cancel(terminated)
					}
					return nil
				}
				i := &interceptor{before: hook}
				if replyLost {
					i = &interceptor{after: hook}
				}
				result, err := f.intercepted(i).Run(ctx, snapshot.Input{Run: "new"})
				m, _ := f.latest(t)
				switch isNew := m.Run == "new"; {
				case err == nil && isNew && result.Status == snapshot.Complete && f.announced("new"):
					published++
				case err != nil && !isNew:
					stopped++
				default:
					t.Errorf("step %d (%s): %+v, %v, and the latest list is that of run %s", step, where, result, err, m.Run)
				}
				if errors.As(err, new(*snapshot.UnfinishedError)) && !strings.Contains(err.Error(), terminated.Error()) {
					t.Error(err)
				}
				f.complete(t, f.buffered(), snapshot.Input{Run: "new"}, noLimit)
				f.wantPublished(t, "new")
			})
		}
		if published < 5 || stopped < 5 {
			t.Errorf("%d runs were published, %d stopped", published, stopped)
		}
	}
}

// TestARunThatCannotBeFinishedInTimeSaysThatItsListIsComplete cannot announce its list.
func TestARunThatCannotBeFinishedInTimeSaysThatItsListIsComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newPublishedFixture(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		s := f.buffered()
		s.Announcements[0].Open = func() snapshot.Bus { return &slowBus{session{bus: f.bus}, cancel} }
		started := time.Now()
		_, err := s.Run(ctx, snapshot.Input{Run: "new"})
		var unfinished *snapshot.UnfinishedError
		if !errors.As(err, &unfinished) || unfinished.Run != "new" || !strings.Contains(err.Error(), "--run new") || !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if took := time.Since(started); took > time.Minute {
			t.Errorf("it took %s", took)
		}
		f.wantLatest(t, "new", smallTenant)
		f.complete(t, f.buffered(), snapshot.Input{Run: "new"}, noLimit)
		if !f.announced("new") {
			t.Error("asked for another time, it does not announce its list")
		}
	})
}

// slowBus is a bus that never acknowledges; the signal comes meanwhile.
type slowBus struct {
	session
	signal func()
}

func (b *slowBus) Flush(ctx context.Context) error {
	b.signal()
	<-ctx.Done()
	return ctx.Err()
}
