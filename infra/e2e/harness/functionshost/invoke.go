package functionshost

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Invocation is one that begins.
type Invocation struct {
	ID       string
	Function string
	// Number counts the invocations of the host from 1.
	Number int
}

// TimeoutError is an invocation that took longer than functionTimeout. Its handler was
// killed and started again.
type TimeoutError struct{ Limit time.Duration }

// Error names the limit.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("the invocation took longer than functionTimeout, %s", e.Limit)
}

// run is one invocation under way.
type run struct {
	host     *Host
	function *function
	record   *Record
}

// invoke waits for the handler, lets call reach it within functionTimeout, and records how
// that ended, once those to whom it matters have been told.
func (h *Host) invoke(ctx context.Context, fn *function, call func(context.Context, *run) error, told ...func(*Record)) Record {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(h.live, func() { cancel(context.Cause(h.live)) })()
	record := Record{ID: uuid.NewString(), Function: fn.name, Begun: time.Now()}
	c, err := h.worker.await(ctx)
	record.Number = int(h.count.Add(1))
	if err == nil {
		if h.cfg.Begun != nil {
			h.cfg.Begun(h, Invocation{ID: record.ID, Function: fn.name, Number: record.Number})
		}
		err = h.within(ctx, c, func(ctx context.Context) error {
			return call(ctx, &run{host: h, function: fn, record: &record})
		})
	}
	if err != nil {
		record.Err = fmt.Errorf("function %s: %w", fn.name, err)
		h.journal.log(Error, "host", "Executed %s (Failed, Id=%s): %v", fn.name, record.ID, err)
	}
	for _, tell := range told {
		tell(&record)
	}
	record.Took = time.Since(record.Begun)
	h.journal.record(record)
	return record
}

// within gives a call functionTimeout, and kills the handler of one that takes longer.
func (h *Host) within(ctx context.Context, c *child, call func(context.Context) error) error {
	if h.app.timeout == 0 {
		return call(ctx)
	}
	late := &TimeoutError{Limit: h.app.timeout}
	ctx, cancel := context.WithTimeoutCause(ctx, h.app.timeout, late)
	defer cancel()
	err := call(ctx)
	if err != nil && context.Cause(ctx) == error(late) {
		h.journal.log(Warning, "host", "A function timeout has occurred. The handler is started again.")
		h.worker.recycle(c)
		return late
	}
	return err
}
