package store

import "fmt"

// Error is what went wrong at a place. It wraps ErrNotFound, ErrConflict, a
// context's end or whatever else the cause was. Its text holds no credential and
// nothing of a service's own message, which may name the caller.
type Error struct {
	// Op is what was done: read, write, swap, delete.
	Op string
	// URL names the object, without any credential.
	URL string
	// Problem says what happened, where the text of Err does not.
	Problem string
	// Advice says what to do next; it may be empty.
	Advice string
	// Err is the reason.
	Err error
}

// Error names the operation, the object, the reason and what to do next.
func (e *Error) Error() string {
	problem := e.Problem
	if problem == "" && e.Err != nil {
		problem = e.Err.Error()
	}
	text := fmt.Sprintf("%s %s: %s", e.Op, e.URL, problem)
	if e.Advice != "" {
		text += ": " + e.Advice
	}
	return text
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Name returns the public name of the error.
func (e *Error) Name() string { return "Sink.Failed" }

// Refused says what a service's answer means. A missing object is what a read did
// not find, but for a swap it is the loss of what was to be replaced, and for a
// write something else is missing. advice is asked where the answer is neither.
func (e *Error) Refused(r *Refusal, conflict, missing bool, advice func(op string, r *Refusal) string) {
	switch {
	case conflict, missing && e.Op == "swap":
		e.Err = ErrConflict
	case missing && e.Op != "write":
		e.Err = ErrNotFound
	default:
		e.Err, e.Problem, e.Advice = r, r.Error(), advice(e.Op, r)
	}
}

// Refusal is a service's answer that is an error: what can be told apart of it,
// without the message, which may name the caller (an AWS session is often an
// e-mail address).
type Refusal struct {
	// Service is who answered: S3, Azure Storage.
	Service string
	// Code is the service's name for the error, such as AccessDenied.
	Code string
	// Status is the HTTP status.
	Status int
	// RequestID identifies the request to the service's support.
	RequestID string
}

// Error names the service, the code, the status and the request.
func (r *Refusal) Error() string {
	text := r.Service + " answered"
	if code := plain(r.Code); code != "" {
		text += " " + code
	}
	text += fmt.Sprintf(" (HTTP %d", r.Status)
	if id := plain(r.RequestID); id != "" {
		text += ", request id " + id
	}
	return text + ")"
}

// plain returns a code or an id of a service, and nothing for any text that is
// not plainly one.
func plain(text string) string {
	if len(text) > 96 {
		return ""
	}
	for _, r := range text {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_' {
			return ""
		}
	}
	return text
}
