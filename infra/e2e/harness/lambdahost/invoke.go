package lambdahost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/leak"
)

// Result is what an invocation came to.
type Result struct {
	// Payload is the response, or the error object of a failed invocation. Of a
	// stream that broke it is what had been sent before.
	Payload []byte
	// ErrorType and ErrorMessage are set when the invocation failed. Lambda's own
	// types are Sandbox.Timedout, Runtime.ExitError and
	// Function.ResponseSizeTooLarge.
	ErrorType, ErrorMessage string
	// Header is what came with the response, such as Content-Type.
	Header http.Header
}

// failure is Lambda's error object.
type failure struct {
	ErrorType    string `json:"errorType"`
	ErrorMessage string `json:"errorMessage"`
}

// failed makes the Result of an error object that the function sent.
func failed(payload []byte, header http.Header) Result {
	var f failure
	_ = json.Unmarshal(payload, &f)
	leak.Say("lambdahost.failure", string(payload))
	if f.ErrorType == "" {
		f.ErrorType = "Runtime.Unknown"
	}
	return Result{Payload: payload, ErrorType: f.ErrorType, ErrorMessage: f.ErrorMessage, Header: header}
}

// ended makes the Result of an invocation that Lambda itself ended.
func ended(errorType, message string) Result {
	payload, _ := json.Marshal(failure{errorType, message})
	return Result{Payload: payload, ErrorType: errorType, ErrorMessage: message}
}

// invocation is one event on its way through the function.
type invocation struct {
	id       string
	payload  []byte
	deadline time.Time
	done     chan Result
	stream   io.Writer // where a streamed response goes as it comes, nil to keep it
}

// ErrGone reports that the function's process has ended.
var ErrGone = errors.New("the function's process has ended")

// Invoke hands the function one event and waits for what comes of it. A failed
// invocation is a Result with an ErrorType; the error is for an environment that
// cannot be invoked, such as ErrGone. At the time limit the process is killed.
func (h *Host) Invoke(ctx context.Context, payload []byte) (Result, error) {
	return h.invoke(ctx, &invocation{payload: payload})
}

// InvokeStream is Invoke for a caller that takes a streamed response as it
// comes. It is written to w, and the Result's payload is empty. Once w takes no
// more, the function gets no further either: nobody reads what it sends.
// A response that is not streamed is in the Result, as after Invoke.
func (h *Host) InvokeStream(ctx context.Context, payload []byte, w io.Writer) (Result, error) {
	t := &tap{to: w}
	defer t.shut()
	return h.invoke(ctx, &invocation{payload: payload, stream: t})
}

// tap hands a stream on until it is shut: after an invocation that was killed or
// given up, what is still on its way must not reach a writer that is done.
type tap struct {
	mu sync.Mutex
	to io.Writer
}

func (t *tap) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.to == nil {
		return 0, io.ErrClosedPipe
	}
	return t.to.Write(p)
}

func (t *tap) shut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.to = nil
}

func (h *Host) invoke(ctx context.Context, inv *invocation) (Result, error) {
	inv.id, inv.deadline, inv.done = uuid.NewString(), time.Now().Add(h.timeout), make(chan Result, 1)
	limit := time.NewTimer(h.timeout)
	defer limit.Stop()
	select {
	case h.queue <- inv:
	case <-h.exited:
		return Result{}, ErrGone
	case <-limit.C:
		return Result{}, fmt.Errorf("the function did not ask for an invocation within %s", h.timeout)
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
	select {
	case result := <-inv.done:
		return result, nil
	case <-h.exited:
		select {
		case result := <-inv.done: // it answered and then exited, as after a panic
			return result, nil
		default:
			return ended("Runtime.ExitError", fmt.Sprintf("RequestId: %s Error: Runtime exited: %s", inv.id, h.process.ProcessState)), nil
		}
	case <-limit.C:
		h.kill()
		return ended("Sandbox.Timedout", fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds", inv.id, h.timeout.Seconds())), nil
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}
