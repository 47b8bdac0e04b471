package api

import (
	"context"
	"errors"
	"io"
	"net"
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

// outcome is the public name of a failure that is not the caller's, "" for any other end.
func outcome(r *http.Request, err error) string {
	if err == nil || left(r, err) {
		return ""
	}
	if f := failureOf(r, err); f.Status >= http.StatusInternalServerError {
		return f.Name
	}
	return ""
}

// left reports whether the caller did not wait for the end of the answer.
func left(r *http.Request, err error) bool {
	var answer *graph.Error
	var broken *net.OpError
	switch {
	case errors.Is(context.Cause(r.Context()), context.Canceled), errors.Is(err, io.ErrClosedPipe):
		return true
	case errors.As(err, &answer):
		return false
	}
	return errors.As(err, &broken) && broken.Op == "write"
}

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
