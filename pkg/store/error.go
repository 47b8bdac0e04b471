package store

import "fmt"

// Error is a failed operation of a store. It wraps ErrNotFound, ErrConflict, a
// context's end or whatever else the cause was. Its text has no credential and
// nothing of a service's own message, which may name the caller.
type Error struct {
	// Op is the operation: read, write, swap, delete, tag.
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

// Answered says what a service's answer means. A missing object is what a read did
// not find; for a swap it is a conflict, since what it was to replace is gone, and
// for a write it is something else that is missing. Where the answer is none
// of these, answer and advice tell the problem.
func (e *Error) Answered(conflict, missing bool, answer, advice string) {
	switch {
	case conflict, missing && e.Op == "swap":
		e.Err = ErrConflict
	case missing && e.Op != "write":
		e.Err = ErrNotFound
	default:
		e.Problem, e.Advice = answer, advice
	}
}

// StateError means that something kept in the state store, or what says which list
// is the latest, cannot be used as it is.
type StateError struct {
	// Conflict says that another run was faster; otherwise the state itself is wrong.
	Conflict bool
	// URL names the object.
	URL string
	// Problem says what is wrong with it and what to do.
	Problem string
	// Err is the reason, if there is one.
	Err error
}

// Error names the object, the problem and the remedy.
func (e *StateError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("state %s: %s: %v", e.URL, e.Problem, e.Err)
	}
	return fmt.Sprintf("state %s: %s", e.URL, e.Problem)
}

// Name returns the public name of the error.
func (e *StateError) Name() string {
	if e.Conflict {
		return "State.Conflict"
	}
	return "State.Invalid"
}

// Unwrap returns the reason.
func (e *StateError) Unwrap() error { return e.Err }
