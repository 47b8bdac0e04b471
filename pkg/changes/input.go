package changes

import (
	"fmt"
	"strings"
	"time"
)

// Input is what a run is started with. All of it is optional.
type Input struct {
	// Tenant is the GUID of a tenant of the tenants file.
	Tenant string `json:"tenant,omitempty"`
	// Baseline is "emit" if the first run is to publish everybody as created.
	Baseline string `json:"baseline,omitempty"`
	// Accept names a suspect turn that is published all the same.
	Accept string `json:"accept,omitempty"`
	// Resync has the mirror compared with everybody now.
	Resync bool `json:"resync,omitempty"`
	// Renew has the tenant's subscription to notifications looked at now.
	Renew bool `json:"renew,omitempty"`
}

func (in Input) check() error {
	if in.Baseline != "" && in.Baseline != "emit" {
		return &InputError{Field: "baseline", Reason: `is "emit" or left out`}
	}
	return nil
}

// InputError is an input that asks for what there is not.
type InputError struct {
	Field, Reason string
	name          string
}

// Error names the field and what it has to be.
func (e *InputError) Error() string { return e.Field + " " + e.Reason }

// Name returns the public name of the error.
func (e *InputError) Name() string {
	if e.name != "" {
		return e.name
	}
	return "Request.Invalid"
}

// The statuses of results.
const (
	Complete = "complete"
	Continue = "continue"
)

// The kinds of turns.
const (
	Round     = "round"     // of changes
	Baseline  = "baseline"  // everybody, for the first time
	Resync    = "resync"    // everybody, because the delta link has expired
	Reconcile = "reconcile" // everybody, because it is time to, or was asked for
	Reselect  = "reselect"  // everybody, because there are further columns
)

// Result is what a run answers.
type Result struct {
	// Status is complete, or continue where the time did not suffice.
	Status string `json:"status"`
	// Kind is that of the last turn.
	Kind string `json:"kind"`
	// Users is how many users there are, Restorable how many were deleted and can be
	// restored.
	Users      int `json:"users"`
	Restorable int `json:"restorable"`
	Counts
	// Drift is how many users differed though no change had told of it.
	Drift int `json:"drift"`
	// MissingColumns are the optional columns that Graph does not track.
	MissingColumns []string `json:"missingColumns,omitempty"`
	// Subscription is the one by which Graph notifies of changes, if it was looked at.
	Subscription *Subscription `json:"subscription,omitempty"`
}

// Subscription is what became of a subscription.
type Subscription struct {
	// ID is Graph's.
	ID string `json:"id,omitempty"`
	// ExpiresAt is when it ends unless it is renewed.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// Created says that it is a new one: there was none, or another client state.
	Created bool `json:"created,omitempty"`
	// Error says why there is none, or why it could not be looked at.
	Error string `json:"error,omitempty"`
}

// Counts are the events that were published, by type.
type Counts struct {
	Created  int `json:"created"`
	Updated  int `json:"updated"`
	Deleted  int `json:"deleted"`
	Restored int `json:"restored"`
	Purged   int `json:"purged"`
}

// Total is the number of all events.
func (c Counts) Total() int { return c.Created + c.Updated + c.Deleted + c.Restored + c.Purged }

// SuspectError means that a turn would change so much that somebody has to look at it first.
type SuspectError struct {
	// Run is the name by which it can be accepted.
	Run string
	// Reasons say what is suspect.
	Reasons []string
}

// Error says what is suspect and what to do.
func (e *SuspectError) Error() string {
	return fmt.Sprintf("the changes of run %s are suspect and none of them was published: %s; the mirror stays; if they are right, "+
		"publish them with {\"accept\":%q} (and its tenant, if that is of the tenants file) or --accept %[1]s; if not, correct the directory and run again", e.Run, strings.Join(e.Reasons, "; "), e.Run)
}

// Name returns the public name of the error.
func (e *SuspectError) Name() string { return "Snapshot.Suspect" }

// NoDeltaError means that the tenant cannot say what has changed.
type NoDeltaError struct {
	// Err is Graph's answer.
	Err error
}

// Error says what to do instead.
func (e *NoDeltaError) Error() string {
	return fmt.Sprintf("this tenant has no delta queries of users, as those of Azure AD B2C and External ID have none, so its changes cannot be published; schedule snapshots instead: %v", e.Err)
}

// Name returns the public name of the error.
func (e *NoDeltaError) Name() string { return "Config.Invalid" }

// Unwrap returns Graph's answer.
func (e *NoDeltaError) Unwrap() error { return e.Err }
