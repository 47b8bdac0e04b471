package functionshost

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
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
type TimeoutError struct {
	Limit time.Duration
	// Err is how the call ended when the handler was killed.
	Err error
}

// Error names the limit.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("the invocation took longer than functionTimeout, %s", e.Limit)
}

// Unwrap returns how the call ended.
func (e *TimeoutError) Unwrap() error { return e.Err }

// errBroken is a response of which a part was already sent on.
var errBroken = errors.New("the response broke off")

// run is one invocation under way.
type run struct {
	host     *Host
	function *function
	record   *Record
}

// invoke waits for the handler, lets call reach it within functionTimeout, and records how
// that ended.
func (h *Host) invoke(ctx context.Context, fn *function, call func(context.Context, *run) error) Record {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(h.calls, cancel)()
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
		if fn.trigger.Type == "httpTrigger" {
			record.Status = failure(err)
		}
		h.journal.log(Error, "host", "Executed %s (Failed, Id=%s): %v", fn.name, record.ID, err)
	}
	record.Took = time.Since(record.Begun)
	h.journal.record(record)
	if record.Err != nil {
		leak.Say("functionshost.failure", record.Err.Error())
	}
	return record
}

// within gives a call functionTimeout, and kills the handler of one that takes longer.
func (h *Host) within(ctx context.Context, c *child, call func(context.Context) error) error {
	if h.app.timeout == 0 {
		return call(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var late atomic.Bool
	defer time.AfterFunc(h.app.timeout, func() {
		late.Store(true)
		h.journal.log(Warning, "host", "A function timeout has occurred. The handler is started again.")
		h.worker.recycle(c)
		cancel()
	}).Stop()
	err := call(ctx)
	if err != nil && late.Load() {
		return &TimeoutError{Limit: h.app.timeout, Err: err}
	}
	return err
}

// failure is the status that a caller over HTTP gets for an invocation that failed, 0 if
// its connection was broken.
func failure(err error) int {
	switch {
	case errors.Is(err, errBroken):
		return 0
	case errors.Is(err, errDown):
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}
