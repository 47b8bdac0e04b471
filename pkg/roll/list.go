// Package roll holds the use cases: List (and later Snapshot and Changes). It
// is where a list is proven complete or declared an error. It knows Graph as a
// source of users and nothing of the cloud it runs on.
package roll

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// Directory is what a listing asks of Graph; *graph.Client is one.
type Directory interface {
	Chain(q graph.Query) *graph.Chain
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

// maxPasses bounds how often one list is begun. A lost page token costs a
// pass; five is what a well-known collector allows.
const maxPasses = 5

// maxBarren is how many pages in a row may hold nobody new. Graph may send empty
// pages, but a list that goes on for ever under ever new links is none.
const maxBarren = 2000

// maxReserve bounds the room that is made on the word of a count alone.
const maxReserve = 4_000_000

// Listing is one complete list being read.
type Listing struct {
	directory Directory
	request   Request
	log       *slog.Logger
	columns   []Column // what is left after refused ones were dropped
	seen      ids
	report    Report
	begun     bool // it can be read once
	counts    bool // Graph has counted this tenant's users
	doubted   bool // a pass did not agree with the count; the next one decides
}

// List prepares to read the list that r asks for from d. It makes no request.
func List(d Directory, r Request, log *slog.Logger) *Listing {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Listing{directory: d, request: r, log: log, columns: r.Columns}
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
		started := time.Now()
		err := l.read(ctx, yield)
		l.report.Duration = time.Since(started)
		if err != nil && !errors.Is(err, errStopped) {
			yield(graph.User{}, fmt.Errorf("list users: %w", err))
		}
	}
}

// Report tells what has been read so far; after Users it is the proof.
func (l *Listing) Report() Report {
	r := l.report
	r.Users = l.seen.used
	return r
}

var errStopped = errors.New("the reader stopped")

// read makes passes until one is proven, or until no further pass may help.
func (l *Listing) read(ctx context.Context, yield func(graph.User, error) bool) error {
	for {
		l.report.Passes++
		err := l.pass(ctx, yield)
		if err == nil || errors.Is(err, errStopped) || ctx.Err() != nil {
			return err
		}
		if err := l.again(ctx, err); err != nil {
			return err
		}
		l.log.WarnContext(ctx, "the list is read again from its start", "error", err, "pass", l.report.Passes)
	}
}

// again decides what follows a pass that failed with err: another pass (nil),
// or the error that the reader gets.
func (l *Listing) again(ctx context.Context, err error) error {
	var (
		incomplete *IncompleteError
		link       *graph.LinkError
		answer     *graph.Error
	)
	switch {
	case errors.As(err, &incomplete):
		if l.doubted || l.report.Passes >= maxPasses {
			return err
		}
		l.doubted = true
	case errors.As(err, &link) && link.Loop, errors.As(err, &answer) && answer.PageToken():
		if l.report.Passes >= maxPasses {
			return &IncompleteError{Passes: l.report.Passes, Err: err}
		}
	case answer != nil && l.seen.used == 0:
		return l.dropRefused(ctx, err)
	default:
		return err
	}
	return nil
}

// pass reads the whole list once and compares it with the count.
func (l *Listing) pass(ctx context.Context, yield func(graph.User, error) bool) error {
	l.report.begin()
	l.seen.newPass()
	before, err := l.count(ctx)
	if err != nil {
		return err
	}
	if before != nil {
		l.seen.reserve(min(*before, maxReserve))
	}
	request := l.request
	request.Columns = l.columns
	chain := l.directory.Chain(request.Query())
	err = l.follow(ctx, chain, yield)
	l.report.note(&chain.Stats)
	if err != nil {
		return err
	}
	return l.prove(ctx, before)
}

func (l *Listing) follow(ctx context.Context, chain *graph.Chain, yield func(graph.User, error) bool) error {
	barren := 0 // pages in a row without anybody new
	spare := 2 * l.pageSize()
	for page, err := range chain.Pages(ctx) {
		if err != nil {
			return err
		}
		met := l.seen.marked
		for user, err := range page.Users() {
			if err != nil {
				return err
			}
			switch l.seen.add(user.ID) {
			case unseen:
				if !yield(user, nil) {
					return errStopped
				}
			case repeated:
				if !page.Reread {
					l.report.Duplicates++
				}
			}
		}
		l.report.Pages++
		if barren++; l.seen.marked > met || page.Reread {
			barren = 0
		}
		if barren > maxBarren || l.report.Duplicates > l.seen.marked+spare {
			return &graph.LinkError{Loop: true, Reason: "page after page holds nobody new"}
		}
	}
	return nil
}
