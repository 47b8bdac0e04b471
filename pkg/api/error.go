package api

import (
	"errors"
	"net/http"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// statusError is a request that HTTP itself defines a status for.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string { return e.text }

// Name returns the public name of the error.
func (e *statusError) Name() string { return "Request.Invalid" }

// failureOf is the failure with which a request is answered. Graph's own 400 and
// 404 keep Graph's code and message, which the caller's own query caused, unless they
// are the reason of another failure, such as Snapshot.Incomplete. Nor are they kept
// for a direct invocation, which has no host: Lambda writes an invocation's error
// to logs and traces, and Graph's message may name people.
func failureOf(r *http.Request, err error) failure.Failure {
	f := failure.Of(err)
	var own *statusError
	if errors.As(err, &own) {
		f.Status = own.status
	}
	var answer *graph.Error
	if errors.As(err, &answer) {
		f.RequestID = answer.RequestID
		if f.Name == answer.Name() && (answer.Status == http.StatusBadRequest || answer.Status == http.StatusNotFound) && answer.Code != "" {
			f.Code = answer.Code
			if r.Host != "" {
				f.Message = answer.Message
			}
		}
	}
	if r.Host == "" {
		f = f.Unquoted()
	}
	return f
}
