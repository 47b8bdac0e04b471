package snapshot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/store"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// checkpointVersion is the form of checkpoints. A form that this version does not
// know is an error, never a guess.
const checkpointVersion = 1

// The phases of a run.
const (
	phaseReading    = "reading"
	phasePublishing = "publishing" // proven; what is left can be repeated without harm
	phaseSuspect    = "suspect"    // proven, and held back by the breaker
	phaseDone       = "done"
)

// checkpoint is what is kept of a run: all that the next slice needs, and the answers
// that were given. It moves by compare-and-swap, once a slice, after everything it
// names has been stored.
type checkpoint struct {
	Version int `json:"version"`
	// Nonce makes every checkpoint that is written a different one.
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
	// State is where the list is resumed.
	list.State
	written
	// Results are the answers of the slices that are done.
	Results []Result `json:"results,omitempty"`
	// Audit is what was found once the list was proven.
	Audit audit `json:"judgement"`
}

// audit is how a proven list compares with the baseline.
type audit struct {
	FinishedAt   time.Time `json:"finishedAt"`
	Leavers      int       `json:"leavers"`
	EmptyColumns []string  `json:"emptyColumns,omitempty"`
	Suspicions   []string  `json:"suspicions,omitempty"`
	Accepted     bool      `json:"accepted,omitempty"`
	Warnings     []string  `json:"warnings,omitempty"`
}

func (c *checkpoint) events() events {
	return events{tenant: c.Tenant, run: c.Run, startedAt: c.StartedAt}
}

// valid reports whether the checkpoint is of the run that was asked for, in a form
// that this version writes. What was changed since must not be answered, published or
// deleted.
func (c *checkpoint) valid(tenant, run string) bool {
	answers := c.Slice - 1
	switch c.Phase {
	case phaseReading, phasePublishing, phaseSuspect:
	case phaseDone:
		answers = c.Slice
	default:
		return false
	}
	return c.Version == checkpointVersion && c.Tenant == tenant && c.Run == run && c.Slice > 0 && len(c.Results) == answers &&
		c.validResults() && c.validObjects() && (c.Phase == phaseReading || c.proven())
}

// proven reports whether the list was read to its end, and every user of it written.
func (c *checkpoint) proven() bool {
	return len(c.Progress.Partitions) == 0 && !c.Audit.FinishedAt.IsZero() && c.Audit.Leavers >= 0 && c.balanced()
}

// validResults reports whether the answers are those of the slices.
func (c *checkpoint) validResults() bool {
	for i, result := range c.Results {
		last := c.Phase == phaseDone && i == len(c.Results)-1
		switch {
		case result.Run != c.Run, result.Users < 0, result.Duplicates < 0, result.Pages < 0, result.Expected != nil && *result.Expected < 0:
			return false
		case last && (result.Status != Complete || result.Manifest == "" || result.Users != c.Report.Users || result.Verified != c.Report.Verified):
			return false
		case !last && (result.Status != Continue || result.Manifest != "" || result.Resume != fmt.Sprintf("%s.%d", c.Run, i+2) || result.Verified):
			return false
		}
	}
	return true
}

// validObjects reports whether the objects are the run's own.
func (c *checkpoint) validObjects() bool {
	for _, parts := range c.Objects {
		for _, p := range parts {
			if !strings.HasPrefix(p.Key, RunKey(c.Tenant, c.Run, "part-")) || store.CheckKey(p.Key) != nil || !p.Valid() {
				return false
			}
		}
	}
	for _, o := range c.IDs {
		if !strings.HasPrefix(o.Key, stateKey(c.Tenant, c.Run, "ids-")) || store.CheckKey(o.Key) != nil || o.Users < 0 {
			return false
		}
	}
	return true
}

// balanced reports whether every user of the list was written, once at each
// destination.
func (c *checkpoint) balanced() bool {
	balanced := c.users() == c.Report.Users
	for _, parts := range c.Objects {
		users := 0
		for _, p := range parts {
			users += p.Users
		}
		balanced = balanced && users == c.Report.Users
	}
	return balanced
}

// newCheckpoint is where a run starts.
func newCheckpoint(p *Publication, name string) checkpoint {
	return checkpoint{
		Version: checkpointVersion, Tenant: p.Tenant, Run: name, Of: p.digest(), StartedAt: time.Now().UTC(), Slice: 1,
		Phase: phaseReading, State: list.NewState(p.Request), written: p.nothingWritten(),
	}
}

// digest tells one publication from another.
func (p *Publication) digest() string {
	h := sha256.New()
	request := p.Request
	request.Parallel, request.Auto, request.Memory, request.Slack = 0, false, 0, tolerance.Tolerance{} // these may change
	_ = json.NewEncoder(h).Encode(request)
	for _, d := range p.Destinations {
		_, _ = fmt.Fprintln(h, d.Store.URL("part"), d.Format, d.Compression, d.Tables)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// fits reports whether the run reads and writes what p says.
func (c *checkpoint) fits(p *Publication) bool {
	return c.Of == p.digest() && len(c.Objects) == len(p.Destinations)
}

// load reads the run's checkpoint, or starts a run that is not stored yet.
func load(ctx context.Context, p *Publication, name string) (*run, error) {
	r := &run{p: p, c: newCheckpoint(p, name), named: map[object]bool{}}
	body, version, err := p.State.Read(ctx, r.checkpointKey())
	switch {
	case errors.Is(err, store.ErrNotFound):
		return r, nil
	case err != nil:
		return nil, err
	}
	stored, err := r.parse(body)
	if err != nil {
		return nil, err
	}
	// A proven list is bound to where its objects are, too.
	if stored.Phase != phaseDone && !stored.fits(p) {
		return nil, &store.StateError{
			URL:     p.State.URL(r.checkpointKey()),
			Problem: "the run was begun with another configuration (ROLLCALL_SELECT, ROLLCALL_FILTER, ROLLCALL_PAGE_SIZE, ROLLCALL_SINKS); start a run of another name",
		}
	}
	if err := stored.State.Check(p.Request); stored.Phase == phaseReading && err != nil {
		return nil, r.invalid(err)
	}
	if stored.Phase == phaseDone && stored.fits(p) && stored.Results[len(stored.Results)-1].Manifest != p.stores()[0].URL(r.manifestKey()) {
		return nil, r.invalid(nil)
	}
	r.setStored(stored)
	r.c, r.version = *stored, version
	return r, nil
}

func (r *run) parse(body []byte) (*checkpoint, error) {
	var c checkpoint
	if err := json.Unmarshal(body, &c); err != nil || !c.valid(r.p.Tenant, r.c.Run) {
		return nil, r.invalid(err)
	}
	return &c, nil
}

func (r *run) invalid(err error) error {
	return &store.StateError{URL: r.p.State.URL(r.checkpointKey()), Problem: "it was not written by this version of rollcall; start a run of another name", Err: err}
}

// errOvertaken means that another invocation has moved the checkpoint meanwhile.
var errOvertaken = errors.New("another invocation has done this slice")

// save moves the checkpoint and deletes what it made obsolete. After a conflict it
// finds out whether its own earlier attempt was the one that succeeded; if not the
// error is errOvertaken.
func (r *run) save(ctx context.Context) error {
	r.c.Nonce = store.Nonce()
	body, err := json.Marshal(&r.c)
	if err != nil {
		return err
	}
	var at store.Swapper = r.p.State
	if r.c.Phase != phaseDone { // links name users; most runs that stop here are never resumed
		at = store.Expendable{Swapper: at}
	}
	version, winner, err := store.Move(ctx, at, r.checkpointKey(), body, r.version)
	switch {
	case errors.Is(err, store.ErrConflict):
		c, _ := r.parse(winner)
		r.setStored(c)
		return errOvertaken
	case err != nil:
		return fmt.Errorf("save the checkpoint: %w", err)
	}
	r.version = version
	r.setStored(&r.c)
	r.collect(ctx)
	return nil
}
