// Package list reads one list of users and proves it complete, or declares it an
// error. It knows Graph as a source of users, and no store, no bus and no cloud.
package list

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/property"
	"github.com/rollcall-dev/rollcall/pkg/telemetry"
	"github.com/rollcall-dev/rollcall/pkg/tolerance"
)

// Directory is what a list asks of Graph; *graph.Client is one.
type Directory interface {
	PageReader
	Pager(q graph.Query) *graph.Pager
	Count(ctx context.Context, q graph.Query, stats *graph.Stats) (int, error)
	DeltaLink(ctx context.Context, properties []string, stats *graph.Stats) (string, error)
	Delta(ctx context.Context, link string, stats *graph.Stats, change func(graph.Change) error) (next string, err error)
}

// Request says what to list and how exact the proof has to be.
type Request struct {
	// Columns are the properties to ask for. id is always among them.
	Columns []property.Column
	// Filter and Search are an OData $filter and $search, or "" for everyone.
	Filter, Search string
	// OrderBy is an OData $orderby, or "" for Graph's own order.
	OrderBy string
	// Advanced says that Filter or OrderBy is known to need Graph's advanced query
	// capabilities. Without it they are sent plainly first.
	Advanced bool `json:",omitempty"`
	// PageSize is $top, 1 to 999.
	PageSize int
	// Slack is how far the list may be from Graph's own count and still be taken,
	// unverified, rather than be an error. It never counts for more than half a page.
	Slack tolerance.Tolerance
	// RequireVerified makes a list that cannot be verified an error.
	RequireVerified bool `json:",omitempty"`
	// Parallel is how many partitions of the list are read at the same time where
	// the list allows it; 0 and 1 mean one. With Auto it is the most: there are as many
	// as have ten pages each, and as fit into Memory.
	Parallel int
	Auto     bool `json:",omitempty"`
	// Memory is the size of the process in bytes, 0 if there is plenty.
	Memory int64 `json:",omitempty"`
}

// MaxAuto is the most partitions that are worth while without knowing the tenant: the
// requests of more wait for Graph's quota rather than for its latency.
const MaxAuto = 16

// Query asks Graph for the columns of the users that the request selects. The id
// is always asked for: an object without one is not taken for a user.
func (r Request) Query() graph.Query {
	q := graph.Query{Filter: r.Filter, Search: r.Search, OrderBy: r.OrderBy, Advanced: r.Advanced, Top: r.PageSize}
	if !slices.ContainsFunc(r.Columns, func(c property.Column) bool { return c.Name == "id" }) {
		q.Select = append(q.Select, "id")
	}
	for _, c := range r.Columns {
		switch c.Name {
		case property.Manager:
			q.Expand = "manager($select=id)"
		case property.ODataType: // comes unasked
		default:
			q.Select = append(q.Select, c.Name)
		}
	}
	return q
}

// everyone reports whether the request leaves nobody out.
func (r Request) everyone() bool { return r.Filter == "" && r.Search == "" }

// List is one list. It is read once, or in several slices: [List.State] says
// where it stands, and another List resumes from there.
type List struct {
	directory Directory
	request   Request
	log       *slog.Logger

	// OnRestart, if set, makes every pass deliver all users: it is called before a
	// pass that starts over, and the caller drops what it was given so far.
	// Without it, users delivered by an earlier pass are not delivered again.
	OnRestart func()
	// Pause, if set, is asked at the end of each page but the last whether to stop
	// reading there; page is how long that page took. [List.Read] then returns
	// [ErrPaused]. It may be called by several goroutines at once.
	Pause func(page time.Duration) bool

	progress Progress
	columns  []property.Column // those that Graph has not refused
	seen     ids
	fence    fence
	fresh    map[ID]bool // users whom only the second reading has found
	report   Report
	deliver  func(ID, graph.User) error
	began    bool // a list can be read only once
	resumed  bool // within the present pass
	pages    int  // read since Read was called
	dividing int  // into how many partitions, while the list is read as one chain; 0 for not
	again    int  // users delivered by that chain whom the partitions have not met yet
}

// State is where a list stands at the end of a page, apart from the ids it has
// seen: what has to be kept to resume it.
type State struct {
	Progress Progress          `json:"reading"`
	Report   Report            `json:"report"`
	Columns  []property.Column `json:"columns"`
}

// Progress is how far a list has been read.
type Progress struct {
	// Partitions are those of the present pass. None: the next pass begins.
	Partitions []partition `json:"spans,omitempty"`
	// Before is the count from before the present pass.
	Before *int `json:"before,omitempty"`
	// Counts says that Graph has counted this tenant's users.
	Counts bool `json:"counts,omitempty"`
	// Fence is the delta link from before the list, "" where there is none.
	Fence string `json:"fence,omitempty"`
	// Second is how often a second reading was started: the last pass did not agree
	// with the count, and the list is read in the opposite order.
	Second int `json:"second,omitempty"`
	// Undivided is when Graph refused partitions of this list, zero if it did not.
	Undivided time.Time `json:"undivided,omitzero"`
	// Unordered says that Graph does not list in the opposite order.
	Unordered bool `json:"unordered,omitempty"`
}

// ErrPaused is returned by [List.Read] for a list that was left at the end of a
// page, to be resumed later.
var ErrPaused = errors.New("the list was left to be resumed later")

// New prepares to read the list that r asks for from d. It makes no request.
func New(d Directory, r Request, log *slog.Logger) *List {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &List{directory: d, request: r, log: log, columns: r.Columns}
}

// NewState is where the list that r asks for stands before it is read.
func NewState(r Request) State { return State{Columns: r.Columns} }

// Resume makes the list start where an earlier one of the same request stood.
// ids are those of the users of the present pass, in any order, so both lists need
// OnRestart: without it nobody knows them. Their error ends Resume.
func (l *List) Resume(s State, ids iter.Seq2[ID, error]) error {
	l.progress, l.report, l.columns = s.Progress.clone(), s.Report, s.Columns
	if l.progress.Second > 0 {
		l.progress.Partitions = nil // which users it has found is not kept: it starts over
		l.progress.Second++
	}
	l.fence.leavers, l.resumed = map[ID]bool{}, true
	if s.Report.Users > 0 {
		l.seen.reserve(min(s.Report.Users, maxReserve))
	}
	for id, err := range ids {
		if err != nil {
			return err
		}
		l.seen.add(id)
	}
	return nil
}

// State returns where the list stands. It is valid before Read and after it has
// returned nil or [ErrPaused]; after any other error it tells of the last page
// that was read whole, which a list that was read up to a deadline resumes from.
func (l *List) State() State {
	return State{Progress: l.progress.clone(), Report: l.Report(), Columns: l.columns}
}

func (p Progress) clone() Progress {
	p.Partitions = slices.Clone(p.Partitions)
	return p
}

// Has reports whether the present pass has seen the id.
func (l *List) Has(id ID) bool { return l.seen.has(id) }

// Pages is how many pages this List has read whole, resumed ones not counted.
func (l *List) Pages() int { return l.pages }

// Users reads the list. Each user comes once, as they arrive: in Graph's order,
// unless the list is read in partitions. When the iteration ends without an error the list is complete, and
// [List.Report] holds the proof. An error, always the last thing that comes,
// means that it is not: an [IncompleteError], a [RefusedError], a *graph.Error,
// an error of the token source, or the cause of ctx.
func (l *List) Users(ctx context.Context) iter.Seq2[graph.User, error] {
	return func(yield func(graph.User, error) bool) {
		err := l.Read(ctx, func(_ ID, user graph.User) error {
			if !yield(user, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			yield(graph.User{}, err)
		}
	}
}

var errStopped = errors.New("the caller stopped reading")

// Read is Users for a caller that also needs ids: it hands each user to deliver,
// whose error ends the list. A user is valid until deliver returns.
func (l *List) Read(ctx context.Context, deliver func(ID, graph.User) error) error {
	if l.began {
		return errors.New("list: a list can be read only once")
	}
	l.began, l.deliver = true, deliver
	started := time.Now()
	ctx, span := telemetry.StartSpan(ctx, "list")
	err := l.readPasses(ctx)
	l.report.Duration = time.Since(started)
	failure, paused := err, errors.Is(err, ErrPaused)
	if paused {
		failure = nil
	} else {
		telemetry.Observe(ctx, telemetry.Passes, float64(l.report.Passes))
	}
	span.Set(slog.Int("rollcall.users", l.Report().Users), slog.Int("rollcall.pages", l.pages), slog.Int("rollcall.passes", l.report.Passes), slog.Bool("rollcall.paused", paused))
	span.End(failure)
	return err
}

// Report tells what has been read so far; once the list is complete it is the
// proof. It may be called from within deliver.
func (l *List) Report() Report {
	r := l.report
	r.Users = l.seen.used
	return r
}

// CountBefore is Graph's count from before the present pass, nil where there is
// none.
func (l *List) CountBefore() *int { return l.progress.Before }
