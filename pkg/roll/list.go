// Package roll holds the use cases: List and Snapshot (and later Changes). It
// is where a list is proven complete or declared an error. It knows Graph as a
// source of users and nothing of the cloud it runs on.
package roll

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// Directory is what a listing asks of Graph; *graph.Client is one.
type Directory interface {
	Pager(q graph.Query) *graph.Pager
	Pager
	Count(ctx context.Context, q graph.Query, stats *graph.Stats) (int, error)
}

// Request says what to list and how exact the proof has to be.
type Request struct {
	// Columns are the properties to ask for. id is always among them.
	Columns []Column
	// Filter and Search are an OData $filter and $search, or "" for everyone.
	Filter, Search string
	// OrderBy is an OData $orderby, or "" for Graph's own order.
	OrderBy string
	// PageSize is $top, 1 to 999.
	PageSize int
	// Slack is how far the list may be from Graph's own count before it is an
	// error.
	Slack Slack
	// Parallel is how many ranges of the list are read side by side where the
	// list allows that; 0 and 1 mean one after the other. See plan.go.
	Parallel int
}

// Query asks Graph for the columns of the users that the request chooses. The
// id is always asked for: a user without one is not taken for a user.
func (r Request) Query() graph.Query {
	q := graph.Query{Filter: r.Filter, Search: r.Search, OrderBy: r.OrderBy, Top: r.PageSize}
	if !slices.ContainsFunc(r.Columns, func(c Column) bool { return c.Name == "id" }) {
		q.Select = append(q.Select, "id")
	}
	for _, c := range r.Columns {
		if c.Name == property.Manager {
			q.Expand = "manager($select=id)"
		} else {
			q.Select = append(q.Select, c.Name)
		}
	}
	return q
}

// narrowed reports whether the request leaves anybody out.
func (r Request) narrowed() bool { return r.Filter != "" || r.Search != "" }

// Listing is one complete list being read.
type Listing struct {
	reading reading
	begun   bool // it can be read once
}

// List prepares to read the list that r asks for from d. It makes no request.
func List(d Directory, r Request, log *slog.Logger) *Listing {
	return &Listing{reading: newReading(d, r, log)}
}

// Users reads the list. Each user comes once, as they arrive and in Graph's
// order. When the iteration ends without an error the list is complete, and
// [Listing.Report] holds the proof; an error, the last thing that comes, means
// that it is not: an [IncompleteError], a [RefusedError], a *graph.Error, an
// error of the token source, or the cause of ctx. It can be read once.
func (l *Listing) Users(ctx context.Context) iter.Seq2[graph.User, error] {
	return func(yield func(graph.User, error) bool) {
		if l.begun {
			yield(graph.User{}, errors.New("roll: a list can be read only once"))
			return
		}
		l.begun = true
		l.reading.deliver = func(_ key, user graph.User) error {
			if !yield(user, nil) {
				return errStopped
			}
			return nil
		}
		started := time.Now()
		err := l.reading.read(ctx)
		l.reading.report.Duration = time.Since(started)
		if err != nil && !errors.Is(err, errStopped) {
			yield(graph.User{}, err)
		}
	}
}

// Report tells what has been read so far; after Users it is the proof.
func (l *Listing) Report() Report {
	r := l.reading.report
	r.Users = l.reading.seen.used
	return r
}

var errStopped = errors.New("the reader stopped")
