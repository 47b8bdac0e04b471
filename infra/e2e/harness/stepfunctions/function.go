package stepfunctions

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"github.com/rollcall-dev/rollcall/infra/e2e/harness/lambdahost"
)

// Function is what a state machine invokes. It returns the function's answer, as
// JSON. A [*Fault] is an error of the function's own, by name; a [*Refusal] is
// Lambda's, which did not run it.
type Function func(ctx context.Context, event json.RawMessage) (any, error)

// Fault is an error that a function returns.
type Fault struct {
	// Type is what Step Functions matches, such as Graph.Throttled; Lambda's own
	// are Sandbox.Timedout and Runtime.ExitError.
	Type string
	// Message is the text.
	Message string
}

// Error gives the type and the text.
func (f *Fault) Error() string { return f.Type + ": " + f.Message }

// Refusal is Lambda's answer when it does not run a function.
type Refusal struct {
	// Code is the exception, such as TooManyRequestsException.
	Code string
	// Status is the HTTP status that comes with it, such as 429.
	Status int
}

// Error gives the code.
func (r *Refusal) Error() string { return r.Code }

// Hosted makes a Function of a built binary. It takes one event at a time, as
// one execution environment does; the others wait.
func Hosted(host *lambdahost.Host) Function {
	turn := make(chan struct{}, 1)
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		result, err := host.Invoke(ctx, event)
		switch {
		case err != nil:
			return nil, err
		case result.ErrorType != "":
			return nil, &Fault{result.ErrorType, result.ErrorMessage}
		}
		return json.RawMessage(result.Payload), nil
	}
}

// invoke answers POST /2015-03-31/functions/{name}/invocations as Lambda does.
func (f Function) invoke(w http.ResponseWriter, r *http.Request, event json.RawMessage) {
	answer, err := f(r.Context(), event)
	var fault *Fault
	var refusal *Refusal
	head := w.Header()
	head.Set("Content-Type", "application/json")
	head.Set("X-Amzn-Requestid", uuid.NewString())
	switch {
	case err == nil:
		head.Set("X-Amz-Executed-Version", "$LATEST")
		write(w, http.StatusOK, answer)
	case errors.As(err, &fault):
		head.Set("X-Amz-Executed-Version", "$LATEST")
		head.Set("X-Amz-Function-Error", "Unhandled")
		write(w, http.StatusOK, map[string]string{"errorType": fault.Type, "errorMessage": fault.Message})
	case errors.As(err, &refusal):
		head.Set("X-Amzn-Errortype", refusal.Code)
		write(w, refusal.Status, map[string]string{"Type": "Service", "message": "Lambda did not run the function"})
	default: // such as a process that is gone
		head.Set("X-Amzn-Errortype", "ServiceException")
		write(w, http.StatusInternalServerError, map[string]string{"Type": "Service", "message": err.Error()})
	}
}

func write(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		w.Header().Set("X-Amzn-Errortype", "ServiceException")
		status, text = http.StatusInternalServerError, []byte(`{"Type":"Service","message":"the answer is no JSON"}`)
	}
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
