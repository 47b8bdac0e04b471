// Package failure is the edge's view of an error: the name under which Step
// Functions and people act on it, and the HTTP status that goes with it. Each
// package names its own errors (a Name method); their statuses are here.
package failure

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// Names that are not given by an error's own Name method.
const (
	// Unavailable is also what a deadline that came too early is called.
	Unavailable = "Graph.Unavailable"
	// Internal is an error that nobody named: a defect of this program.
	Internal = "Internal.Error"
)

// Failure is an error as callers outside see it.
type Failure struct {
	// Name is one of the public error names, such as Graph.Throttled.
	Name string
	// Status is the HTTP status the API answers with.
	Status int
	// Message says what happened, to whom and what to do next. It contains no
	// secret, token or person.
	Message string
	// RetryAfter is how long to wait before another try, 0 when unknown.
	RetryAfter time.Duration
	// Code is the code of the envelope where it is not Name: Graph's own.
	Code string
	// RequestID is Graph's request-id, "" when there is none.
	RequestID string
}

// Of classifies err, which is not nil.
func Of(err error) Failure {
	f := Failure{Name: Internal, Message: err.Error()}
	var named interface{ Name() string }
	switch {
	case errors.As(err, &named):
		f.Name = named.Name()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		f.Name = Unavailable
	}
	f.Status = status(f.Name)
	if f.Name == Unavailable && errors.Is(err, context.DeadlineExceeded) {
		f.Status = http.StatusGatewayTimeout
	}
	var waits interface{ Wait() time.Duration }
	if errors.As(err, &waits) {
		f.RetryAfter = waits.Wait()
	}
	return f
}

func status(name string) int {
	switch name {
	case "Request.Invalid", "Graph.BadRequest":
		return http.StatusBadRequest
	case "Request.Unauthorized":
		return http.StatusUnauthorized
	case "Graph.NotFound":
		return http.StatusNotFound
	case "Response.TooLarge":
		return http.StatusRequestEntityTooLarge
	case "Credentials.Rejected", "Graph.AccessDenied":
		return http.StatusBadGateway
	case "Graph.Throttled", "Request.Throttled", "Graph.Unavailable", "Snapshot.Incomplete":
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// Named is an error with a public name, for failures that have no type of
// their own.
type Named struct {
	// Public is the name, such as Request.Invalid.
	Public string
	// Text says what is wrong and what to do.
	Text string
}

// Error returns the text.
func (e *Named) Error() string { return e.Text }

// Name returns the public name.
func (e *Named) Name() string { return e.Public }

// LogValue is the name alone: the text may quote what the caller sent.
func (e *Named) LogValue() slog.Value { return slog.StringValue(e.Public) }

// InvalidRequest is a request that cannot be answered as it stands.
func InvalidRequest(text string) error { return &Named{Public: "Request.Invalid", Text: text} }
