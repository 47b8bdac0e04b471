package snapshot

import (
	"fmt"
	"strings"
)

// Result is what a run, or a slice of it, answers.
type Result struct {
	// Status is complete or continue.
	Status string `json:"status"`
	Run    string `json:"run"`
	// Users is the number of users so far, each counted once.
	Users int `json:"users"`
	// Expected is Graph's last count; absent where there is none.
	Expected *int `json:"expected,omitempty"`
	Verified bool `json:"verified"`
	// Fenced says that the changes made while the list was read are accounted for.
	Fenced     bool `json:"fenced"`
	Duplicates int  `json:"duplicates"`
	Pages      int  `json:"pages"`
	// Manifest is the URL of the proof, once there is one.
	Manifest string `json:"manifest,omitempty"`
	// Resume is how to go on, where the status is continue.
	Resume string `json:"resume,omitempty"`
	// Superseded names the newer run that was the latest one already when this one
	// was complete; this one is kept and not promoted.
	Superseded string `json:"superseded,omitempty"`

	// Published is where a complete list is, one for each destination in their
	// order, or the state store where there is none. It is nil for a run that was
	// finished under another configuration.
	Published []Published `json:"-"`
}

// The statuses of results and manifests.
const (
	Complete = "complete"
	Continue = "continue"
	Suspect  = "suspect"
)

// Published is where a list is at one store.
type Published struct {
	// Root is the URL of the store, without a slash at its end; the keys below are
	// relative to it.
	Root string
	// LatestKey and ManifestKey name what points to the list, and its proof.
	LatestKey, ManifestKey string
	// Manifest is that proof.
	Manifest Manifest
}

// UnfinishedError means that a list is complete, and that publishing it came to an end
// before it was done: readers see this list or the last one.
type UnfinishedError struct {
	// Run is the run's name, by which it can be finished.
	Run string
	// Err is why publishing ended. It has the public name of the error, if there is one.
	Err error
}

// Error says how to finish the run.
func (e *UnfinishedError) Error() string {
	return fmt.Sprintf("the list of run %s is complete, but publishing it was not finished: %v; ask for the same run again ({\"run\":%q} or --run %[1]s) to finish it", e.Run, e.Err, e.Run)
}

// Unwrap returns why publishing ended.
func (e *UnfinishedError) Unwrap() error { return e.Err }

// SuspectError means that a list is complete and yet differs so much from the last
// one that somebody has to look at it before it is published.
type SuspectError struct {
	// Run is the run's name, by which it can be accepted.
	Run string
	// Manifest is the URL of the manifest of what was found.
	Manifest string
	// Reasons say how it differs.
	Reasons []string
}

// Error says how the list differs and what to do.
func (e *SuspectError) Error() string {
	return fmt.Sprintf("the list of run %s is suspect and was not published: %s; the last list stays; look at %s, and if it is right, "+
		"publish it with {\"accept\":%q} (and its tenant, if that is of the tenants file) or --accept %[1]s", e.Run, strings.Join(e.Reasons, "; "), e.Manifest, e.Run)
}

// Name returns the public name of the error.
func (e *SuspectError) Name() string { return "Snapshot.Suspect" }
