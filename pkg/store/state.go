package store

import "fmt"

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
