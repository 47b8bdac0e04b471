package secret

import (
	"log/slog"
	"strconv"

	"github.com/rollcall-dev/rollcall/pkg/diagnosis"
)

// Kind classifies an [Error]. It is logged as it is.
type Kind string

// The kinds.
const (
	// Missing: there is no such secret, file or variable.
	Missing Kind = "missing"
	// Forbidden: it exists, and this function may not read or decrypt it.
	Forbidden Kind = "forbidden"
	// Malformed: it was read, and it is not what it should be.
	Malformed Kind = "malformed"
	// Unavailable: the store could not be reached or broke; trying later may help.
	Unavailable Kind = "unavailable"
)

// Error says why a secret could not be read, or not be used. It never quotes the
// secret, nor a service's own message, which may repeat what it was sent.
type Error struct {
	// Kind classifies the error.
	Kind Kind
	// Problem says what happened, Advice what to do next.
	Problem, Advice string
	// Source is where the secret is kept, as it is configured.
	Source string
	// Code is AWS's or Azure's name for the error, such as ResourceNotFoundException.
	Code string
	// Status is the HTTP status of a refusal, 0 for none.
	Status int
	// RequestID identifies the request to the cloud's support.
	RequestID string
	// Err is the cause where one can be told apart (a context's end, a file's
	// absence, a broken connection). Its text is not part of Error.
	Err error
}

// Name returns the name under which people and machines act on the error:
// Credentials.Missing or Graph.Unavailable.
func (e *Error) Name() string {
	if e.Kind == Unavailable {
		return "Graph.Unavailable"
	}
	return "Credentials.Missing"
}

// Error says what happened, where, and what to do next.
func (e *Error) Error() string {
	var details diagnosis.Details
	details.Add("", e.Code)
	if e.Status != 0 {
		details.Add("HTTP ", strconv.Itoa(e.Status))
	}
	details.Add("source ", e.Source)
	details.Add("request id ", e.RequestID)
	return details.Sentence(e.Problem, e.Advice)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// LogValue logs the error as a group.
func (e *Error) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("name", e.Name()),
		slog.String("kind", string(e.Kind)),
		slog.String("problem", e.Problem),
		slog.String("advice", e.Advice),
		slog.String("source", e.Source),
	}
	if e.Code != "" {
		attrs = append(attrs, slog.String("code", e.Code))
	}
	if e.Status != 0 {
		attrs = append(attrs, slog.Int("status", e.Status))
	}
	if e.RequestID != "" {
		attrs = append(attrs, slog.String("requestId", e.RequestID))
	}
	return slog.GroupValue(attrs...)
}
