package roll

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/store"
)

// stateVersion is the form of everything in the state store. A form that this
// version does not know is an error, never a guess.
const stateVersion = 1

// The phases of a run.
const (
	phaseReading    = "reading"
	phasePublishing = "publishing" // proven; what is left can be done again without harm
	phaseSuspect    = "suspect"    // proven, and held back by the breaker
	phaseDone       = "done"
)

// checkpoint is what is kept of a run: all that the next slice needs, and the
// answers that were given. It moves by compare-and-swap, once a slice, after
// everything it names has been stored.
type checkpoint struct {
	Version int `json:"version"`
	// Nonce makes every checkpoint that is written another one.
	Nonce  string `json:"nonce"`
	Tenant string `json:"tenant"`
	Run    string `json:"run"`
	// Of is a digest of what is read and where it goes, which must not change
	// between slices.
	Of        string    `json:"of"`
	StartedAt time.Time `json:"startedAt"`
	// Slice is the slice that comes next, or that came last if the run is done.
	Slice int    `json:"slice"`
	Phase string `json:"phase"`
	// Reading is where the list is read on.
	Reading progress `json:"reading"`
	Report  Report   `json:"report"`
	// Columns are those that Graph has not refused.
	Columns []Column `json:"columns"`
	// IDs are the objects that hold the ids of the users read so far.
	IDs []idsObject `json:"ids,omitempty"`
	// Populated are the columns that were not empty throughout.
	Populated []string `json:"populated,omitempty"`
	// Objects are the parts of each destination.
	Objects [][]part `json:"objects"`
	// Results are the answers of the slices that are done.
	Results []Result `json:"results,omitempty"`
	// Judgement is what was found at the end of the list.
	Judgement judgement `json:"judgement"`
}

// StateError means that the state of a run or of a tenant cannot be used as it is.
type StateError struct {
	// Conflict says that another run was faster; else the state itself is wrong.
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

// run is a run of a snapshot while one slice of it is at work.
type run struct {
	*Snapshot
	state   checkpoint
	version store.Version
	// slice is what this slice has made; it is nil until one begins.
	slice *slice
	// doomed are objects that the stored checkpoint names and the next one will
	// not: they are deleted once that is stored.
	doomed []doomed
	// overtaker is the stored checkpoint that another invocation has written.
	overtaker []byte
}

// doomed is an object to be deleted.
type doomed struct {
	at  Store
	key string
}

func (s *Snapshot) stateKey(run, name string) string {
	return "tenant=" + s.Tenant + "/run=" + run + "/" + name
}

func (r *run) checkpointKey() string { return r.stateKey(r.state.Run, "checkpoint.json") }

// load reads the run's checkpoint, or begins one that is not stored yet.
func (s *Snapshot) load(ctx context.Context, name string) (*run, error) {
	r := &run{Snapshot: s, state: checkpoint{
		Version: stateVersion, Tenant: s.Tenant, Run: name, Of: s.digest(), StartedAt: time.Now().UTC(), Slice: 1,
		Phase: phaseReading, Columns: s.Request.Columns, Objects: make([][]part, len(s.Destinations)),
	}}
	body, version, err := s.State.Read(ctx, r.checkpointKey())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return r, nil
	case err != nil:
		return nil, err
	}
	var state checkpoint
	if err := json.Unmarshal(body, &state); err != nil || !state.sound(s.Tenant, name) {
		return nil, &StateError{URL: s.State.URL(r.checkpointKey()), Problem: "it was not written by this version of rollcall; start a run of another name", Err: err}
	}
	// Also a proven list is bound to where its objects are.
	if state.Phase != phaseDone && (state.Of != r.state.Of || len(state.Objects) != len(s.Destinations)) {
		return nil, &StateError{
			URL:     s.State.URL(r.checkpointKey()),
			Problem: "the run was begun with another configuration (ROLLCALL_SELECT, ROLLCALL_FILTER, ROLLCALL_PAGE_SIZE, ROLLCALL_SINKS); start a run of another name",
		}
	}
	r.state, r.version = state, version
	return r, nil
}

// sound reports whether a checkpoint is one of the run that was asked for, in a
// form that this version writes.
func (c *checkpoint) sound(tenant, run string) bool {
	answers := c.Slice - 1
	switch c.Phase {
	case phaseReading, phasePublishing, phaseSuspect:
	case phaseDone:
		answers = c.Slice
	default:
		return false
	}
	return c.Version == stateVersion && c.Tenant == tenant && c.Run == run && c.Slice > 0 && len(c.Results) == answers
}

// digest tells one publication from another.
func (s *Snapshot) digest() string {
	h := sha256.New()
	request := s.Request
	request.Parallel, request.Slack = 0, Slack{} // may change as they like
	_ = json.NewEncoder(h).Encode(request)
	for _, d := range s.Destinations {
		_, _ = fmt.Fprintln(h, d.Store.URL("part"), d.Format, d.Compression, d.Tables)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// errOvertaken means that another invocation has moved the run meanwhile.
var errOvertaken = errors.New("another invocation has done this slice")

// save moves the checkpoint. After a conflict it finds out whether its own
// earlier try was the one that came first; if not the error is errOvertaken.
func (r *run) save(ctx context.Context) error {
	r.state.Nonce = nonce()
	body, err := json.Marshal(&r.state)
	if err != nil {
		return err
	}
	version, err := r.State.Swap(ctx, r.checkpointKey(), body, r.version)
	if errors.Is(err, store.ErrConflict) {
		var stored []byte
		if stored, version, err = r.State.Read(ctx, r.checkpointKey()); err == nil && !bytes.Equal(stored, body) {
			r.overtaker = stored
			return errOvertaken
		}
	}
	if err != nil {
		return fmt.Errorf("save the checkpoint: %w", err)
	}
	r.version = version
	if r.slice != nil {
		r.doomed = append(r.doomed, r.slice.litter...)
		r.slice.litter = nil
	}
	r.sweep(ctx, r.doomed)
	r.doomed = nil
	return nil
}

// sweep deletes what no checkpoint names any more. What cannot be deleted is left
// to the store's own rules: nothing points to it. An invocation that was overtaken
// may have been so after its own checkpoint was stored, when the reply was lost:
// what the other one goes on from then stays.
func (r *run) sweep(ctx context.Context, objects []doomed) {
	for _, d := range objects {
		if bytes.Contains(r.overtaker, []byte(`"`+d.key+`"`)) {
			continue
		}
		if err := d.at.Delete(ctx, d.key); err != nil {
			r.Log.WarnContext(ctx, "an object that nothing needs any more could not be deleted", "error", err)
		}
	}
}

// nonce returns some random digits.
func nonce() string {
	var b [6]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}
