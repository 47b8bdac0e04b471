package roll

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// maxPasses bounds how often one list is begun. A lost page token costs a
// pass; five is what a well-known collector allows.
const maxPasses = 5

// maxBarren is how many pages in a row may hold nobody new. Graph may send empty
// pages, but a list that goes on for ever under ever new links is none.
const maxBarren = 2000

// maxReserve bounds the room that is made on the word of a count alone.
const maxReserve = 4_000_000

// reading is one list being read: the passes over it, and what they found. A
// [Listing] hands it to a caller; a [Snapshot] may also leave it at the end of a
// page and go on later.
type reading struct {
	directory Directory
	request   Request
	log       *slog.Logger
	// deliver takes each user once; its error ends the reading.
	deliver func(key, graph.User) error
	// restart, where set, makes a pass that begins anew forget what the earlier
	// ones delivered: it is called before every such pass, and all users come
	// again. Without it users who were delivered are not delivered again.
	restart func()
	// full, where set, is asked at the end of each page, with the time the page
	// took, whether to leave the reading there. It may be asked by several
	// goroutines.
	full func(page time.Duration) bool

	progress
	seen    ids
	report  Report
	columns []Column // what is left after refused ones were dropped
	turned  int      // pages that were read whole since read was called
}

// progress is where a reading stands, apart from the ids it has met and the
// figures it reports: what has to be kept to go on later.
type progress struct {
	// Spans are the ranges of the present pass. None: the next pass begins.
	Spans []span `json:"spans,omitempty"`
	// Before is the count from before the present pass.
	Before *int `json:"before,omitempty"`
	// Counts says that Graph has counted this tenant's users.
	Counts bool `json:"counts,omitempty"`
	// Doubted says that a pass did not agree with the count; the next decides.
	Doubted bool `json:"doubted,omitempty"`
}

// errParked means that the reading was left at the end of a page, to go on later.
var errParked = errors.New("the list was left to be read on later")

func newReading(d Directory, r Request, log *slog.Logger) reading {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return reading{directory: d, request: r, log: log, columns: r.Columns}
}

// read makes passes until one is proven, or until no further pass may help.
func (r *reading) read(ctx context.Context) error {
	r.turned = 0
	for {
		err := r.pass(ctx)
		if err == nil || errors.Is(err, errStopped) || errors.Is(err, errParked) {
			return err
		}
		if ctx.Err() == nil {
			if err = r.again(ctx, err); err == nil {
				continue
			}
		}
		return fmt.Errorf("list users: %w", err)
	}
}

// again decides what follows a pass that failed with err: another pass (nil),
// or the error that the reader gets.
func (r *reading) again(ctx context.Context, err error) error {
	var (
		incomplete *IncompleteError
		link       *graph.LinkError
		answer     *graph.Error
	)
	switch {
	case errors.As(err, &incomplete):
		if r.Doubted || r.report.Passes >= maxPasses {
			return err
		}
		r.Doubted = true
	case errors.As(err, &link) && link.Loop, errors.As(err, &answer) && answer.PageToken():
		if r.report.Passes >= maxPasses {
			return &IncompleteError{Passes: r.report.Passes, Err: err}
		}
	case answer != nil && r.seen.used == 0:
		var column *RefusedError
		switch refused := r.dropRefused(ctx, err); {
		case refused == nil:
			r.report.Passes-- // it has met nobody
		case len(r.Spans) < 2 || !refusal(err) || errors.As(refused, &column):
			return refused
		}
		// Else it is the ranges that Graph refuses: the next pass has none.
	default:
		return err
	}
	r.Spans = nil
	r.log.WarnContext(ctx, "the list is read again from its start", "error", err, "pass", r.report.Passes)
	return nil
}

// pass reads the whole list once, or what is left of it, and compares it with
// the count.
func (r *reading) pass(ctx context.Context) error {
	if len(r.Spans) == 0 {
		if err := r.begin(ctx); err != nil {
			return err
		}
	}
	if err := r.follow(ctx); err != nil {
		return err
	}
	return r.prove(ctx)
}

// begin starts a pass: it forgets what each pass counts for itself, counts the
// users, and divides the list where that was asked for.
func (r *reading) begin(ctx context.Context) error {
	r.report.Passes++
	r.report.begin()
	if r.restart != nil {
		r.seen.clear()
		r.restart()
	}
	r.seen.newPass()
	before, err := r.count(ctx)
	if err != nil {
		return err
	}
	if r.Before = before; before != nil {
		r.seen.reserve(min(*before, maxReserve))
	}
	r.Spans, err = r.plan(ctx)
	return err
}

// follow reads what is left of the present pass.
func (r *reading) follow(ctx context.Context) error {
	var left []*span
	for i := range r.Spans {
		if !r.Spans[i].Done {
			left = append(left, &r.Spans[i])
		}
	}
	switch len(left) {
	case 0:
		return nil
	case 1:
		return r.alone(ctx, left[0])
	}
	return r.sideBySide(ctx, left)
}

// alone reads one range page after page, each user straight from the wire.
func (r *reading) alone(ctx context.Context, s *span) error {
	chain, err := r.chain(s)
	if err != nil {
		return err
	}
	defer func() { r.report.note(&chain.Stats) }()
	resumed := s.Link != "" // its first page may have been delivered in part
	began := time.Now()
	for page, err := range chain.Pages(ctx) {
		if err != nil {
			return err
		}
		reread := page.Reread || resumed && page.Number == 1
		met := r.seen.marked
		for user, err := range page.Users() {
			if err != nil {
				return err
			}
			if err := r.meet(user, reread); err != nil {
				return err
			}
		}
		if err := r.turn(s, page.Link(), page.Reread, met); err != nil {
			return err
		}
		if r.leaves(time.Since(began)) {
			return errParked
		}
		began = time.Now()
	}
	return nil
}

// chain prepares to read a range from where it stands.
func (r *reading) chain(s *span) (*graph.Pager, error) {
	request := r.request
	request.Columns = r.columns
	request.Filter = s.within(request.Filter)
	chain := r.directory.Pager(request.Query())
	if s.Link == "" {
		return chain, nil
	}
	return chain, chain.From(s.Link)
}

// meet notes a user and delivers one who was not met before.
func (r *reading) meet(user graph.User, reread bool) error {
	k := newKey(user.ID)
	switch r.seen.add(k) {
	case unseen:
		return r.deliver(k, user)
	case repeated:
		if !reread {
			r.report.Duplicates++
		}
	}
	return nil
}

// turn takes a page as done: the range goes on at link. back says that the chain
// had gone back to the page, met is how many users the pass had met before it.
func (r *reading) turn(s *span, link string, back bool, met int) error {
	s.Link, s.Done = link, link == ""
	r.report.Pages++
	r.turned++
	if s.Barren++; r.seen.marked > met || back {
		s.Barren = 0
	}
	if s.Barren > maxBarren || r.report.Duplicates > r.seen.marked+2*r.pageSize() {
		return &graph.LinkError{Loop: true, Reason: "page after page holds nobody new"}
	}
	return nil
}

// leaves reports whether to leave the reading before its last page.
func (r *reading) leaves(page time.Duration) bool {
	return r.full != nil && slices.ContainsFunc(r.Spans, func(s span) bool { return !s.Done }) && r.full(page)
}
