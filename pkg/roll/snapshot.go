package roll

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/bus"
	"github.com/rollcall-dev/rollcall/pkg/store"
)

// Store keeps objects; the packages below pkg/store are stores. Keys are slash
// paths. What each method promises is said in package store.
type Store interface {
	Create(ctx context.Context, key string) (store.Upload, error)
	Read(ctx context.Context, key string) ([]byte, store.Version, error)
	Open(ctx context.Context, key string) (io.ReadCloser, error)
	Swap(ctx context.Context, key string, body []byte, old store.Version) (store.Version, error)
	Delete(ctx context.Context, key string) error
	URL(key string) string
}

// Encoder writes users to one object in one format.
type Encoder interface {
	// User adds a user; raw is its JSON object and is not kept.
	User(raw []byte) error
	// Size is about how many bytes the object has by now.
	Size() int64
	// Close ends the object. The writer below is not closed.
	Close() error
}

// Destination is a store to which the list is published.
type Destination struct {
	Store Store
	// Format and Compression are named in the manifest; Suffix ends the names of
	// the parts, such as .ndjson.gz.
	Format, Compression, Suffix string
	// Encode begins an object with the given columns.
	Encode func(w io.Writer, columns []string) (Encoder, error)
	// PartSize is the size in bytes at which the next object begins.
	PartSize int64
	// Tables adds the symlinks by which SQL tables read the list.
	Tables bool
}

// Bus takes messages; *bus.Publisher is one.
type Bus interface {
	Publish(ctx context.Context, e bus.Event) error
	Flush(ctx context.Context) error
	Close()
}

// Announcement is a bus that is told of the list once it is published.
type Announcement struct {
	// Open returns the bus, ready for one run: one that has failed stays so.
	Open func() Bus
	// EachUser sends one event for every user as well.
	EachUser bool
}

// Publication says what is published, and where.
type Publication struct {
	Directory Directory
	Request   Request
	// Tenant is the tenant's GUID.
	Tenant string
	// Destinations are the stores, in the order in which they are promoted. The
	// first one's manifest is the one that results and events name.
	Destinations  []Destination
	Announcements []Announcement
	// State is where runs are kept until they are done, and what is known of the
	// last one.
	State Store
	// MaxLeavers is how many of the users who were there last time may be missing.
	MaxLeavers Leavers
	// Demo marks the manifest: the tenant is a simulated one.
	Demo bool
	Log  *slog.Logger
	// Annotate, if set, puts the run's name into the context, for the log lines
	// that are written under it.
	Annotate func(ctx context.Context, run string) context.Context
}

// Input is what a run is started with. All of it is optional.
type Input struct {
	// Run names the run: [A-Za-z0-9._-]{1,80}, colons are left out. A run that is
	// done answers with its result. Default: the time and Request.
	Run string `json:"run,omitempty"`
	// Resume is <run>.<slice>: where an earlier result said to go on.
	Resume string `json:"resume,omitempty"`
	// Tenant is the GUID of a tenant of the tenants file.
	Tenant string `json:"tenant,omitempty"`
	// Accept is a run that was found suspect and is published all the same.
	Accept string `json:"accept,omitempty"`

	// Request is the id of the invocation. It is not of the caller's making.
	// Default: a random number.
	Request string `json:"-"`
}

// Result is what a run, or a slice of it, answers.
type Result struct {
	// Status is complete or continue.
	Status string `json:"status"`
	Run    string `json:"run"`
	// Users is the number of users so far, each counted once.
	Users int `json:"users"`
	// Expected is Graph's own count, the last one; absent where there is none.
	Expected   *int `json:"expected,omitempty"`
	Verified   bool `json:"verified"`
	Duplicates int  `json:"duplicates"`
	Pages      int  `json:"pages"`
	// Manifest is the URL of the proof, once there is one.
	Manifest string `json:"manifest,omitempty"`
	// Resume is how to go on, where the status is continue.
	Resume string `json:"resume,omitempty"`
	// Superseded names the newer run that was the latest one already when this one
	// was complete; this one is kept and not promoted.
	Superseded string `json:"superseded,omitempty"`
}

// The statuses of results and manifests.
const (
	Complete = "complete"
	Continue = "continue"
	Suspect  = "suspect"
)

// Snapshot publishes the whole list of a tenant.
type Snapshot struct {
	Publication
	watch func(Report)
}

// NewSnapshot returns a snapshot of p. It makes no request.
func NewSnapshot(p Publication) *Snapshot {
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	return &Snapshot{Publication: p}
}

// Watch lets see be called for every thousand users or so, by the goroutine that
// reads them. What is expected is then the count from before they were read.
func (s *Snapshot) Watch(see func(Report)) { s.watch = see }

// Run publishes the list, or as much of it as the deadline of ctx allows: then
// the result is Continue and says how to go on. What was asked before is answered
// as it was. The error is an [InputError], an [IncompleteError], a [SuspectError],
// a [StateError], what the reading, a store or a bus returned, or the cause of
// ctx. Whatever happens, the last list that was published stays until the next one
// is published whole.
func (s *Snapshot) Run(ctx context.Context, in Input) (*Result, error) {
	name, slice, err := in.place(time.Now())
	if err != nil {
		return nil, err
	}
	if s.Annotate != nil {
		ctx = s.Annotate(ctx, name)
	}
	r, err := s.load(ctx, name)
	if err != nil {
		return nil, err
	}
	if in.Accept != "" {
		return r.accept(ctx)
	}
	return r.proceed(ctx, slice, in.Resume == "")
}

// InputError is an input that names no run.
type InputError struct{ Field, Reason string }

// Error names the field and what it has to be.
func (e *InputError) Error() string { return fmt.Sprintf("%s %s", e.Field, e.Reason) }

// Name returns the public name of the error.
func (e *InputError) Name() string { return "Request.Invalid" }

var runName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,80}$`)

// place says which slice of which run is asked for. Slices count from 1.
func (in Input) place(now time.Time) (run string, slice int, err error) {
	const form = "is not of the form [A-Za-z0-9._-]{1,80}"
	run = strings.ReplaceAll(in.Run, ":", "")
	if accept := strings.ReplaceAll(in.Accept, ":", ""); accept != "" {
		switch {
		case !runName.MatchString(accept):
			return "", 0, &InputError{"accept", form}
		case in.Resume != "":
			return "", 0, &InputError{"resume", "cannot go with accept: leave one of them out"}
		}
		return accept, 1, nil
	}
	if in.Resume == "" {
		if run == "" {
			run = now.UTC().Format("20060102T150405Z") + "-" + cmp.Or(in.Request, nonce())
		}
		if !runName.MatchString(run) {
			return "", 0, &InputError{"run", form}
		}
		return run, 1, nil
	}
	dot := strings.LastIndexByte(in.Resume, '.')
	if dot < 0 || !runName.MatchString(in.Resume[:dot]) {
		return "", 0, &InputError{"resume", "is not of the form <run>.<slice>; give it as the last result has it"}
	}
	slice, err = strconv.Atoi(in.Resume[dot+1:])
	if err != nil || slice < 1 || run != "" && run != in.Resume[:dot] {
		return "", 0, &InputError{"resume", "is not of the form <run>.<slice> of this run; give it as the last result has it"}
	}
	return in.Resume[:dot], slice, nil
}
