package list

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

// maxPasses bounds how often one list is started over. A lost page token costs a
// pass; five is what a well-known collector allows.
const maxPasses = 5

// maxSeconds is how often a second reading is started: it cannot be resumed half-way.
const maxSeconds = 3

// maxBarren is how many pages in a row may bring nobody new. Graph may send empty
// pages, but a list that never ends under ever new links is no list.
const maxBarren = 2000

// maxReserve bounds the room that is made on the word of a count or of a stored state
// alone.
const maxReserve = 4_000_000

// readPasses makes passes over the list until one is proven complete, or until no
// further pass can help.
func (l *List) readPasses(ctx context.Context) error {
	for {
		err := l.pass(ctx)
		if err == nil || errors.Is(err, errStopped) || errors.Is(err, ErrPaused) {
			return err
		}
		if ctx.Err() == nil {
			if err = l.startOver(ctx, err); err == nil {
				continue
			}
		}
		return fmt.Errorf("list users: %w", err)
	}
}

// startOver decides whether another pass may succeed after one failed with err:
// nil if so, otherwise the error that ends the list.
func (l *List) startOver(ctx context.Context, err error) error {
	var (
		incomplete *IncompleteError
		link       *graph.LinkError
		answer     *graph.Error
	)
	switch {
	case errors.As(err, &incomplete):
		switch {
		case l.report.Passes >= maxPasses, l.progress.Second > 0:
			return err
		case !incomplete.moved:
			l.progress.Second = 1
		}
	case errors.As(err, &link) && link.Loop, errors.As(err, &answer) && answer.PageToken():
		if l.report.Passes >= maxPasses {
			return &IncompleteError{Passes: l.report.Passes, Err: err}
		}
		if !errors.As(err, &link) && !l.progress.reading() {
			l.progress.Fence, l.progress.Second = "", 0 // it was the fence's token that has expired
		}
	case l.progress.Second > 0 && !l.progress.Unordered && refusesRequest(err):
		l.progress.Unordered = true
		l.report.Passes--
	case len(l.progress.Partitions) > 1 && l.seen.used > 0 && refusesRequest(err):
		l.progress.Undivided = time.Now().UTC()
	case answer != nil && l.seen.used == 0:
		var column *RefusedError
		switch refused := l.dropRefused(ctx, err); {
		case refused == nil:
			l.report.Passes-- // it delivered nobody
		case len(l.progress.Partitions) < 2 || !refusesRequest(err) || errors.As(refused, &column):
			return refused
		}
		// Otherwise it is the partitions that Graph refuses: the next pass has none.
		l.progress.Undivided = time.Now().UTC()
	default:
		return err
	}
	l.progress.Partitions = nil
	l.log.WarnContext(ctx, "the list is read again from its start", "error", err, "pass", l.report.Passes)
	return nil
}

// reading reports whether there are pages left to read in the present pass.
func (p Progress) reading() bool {
	return slices.ContainsFunc(p.Partitions, func(p partition) bool { return !p.Done })
}

// pass reads the whole list once, or what is left of it, and compares it with
// Graph's count.
func (l *List) pass(ctx context.Context) error {
	if len(l.progress.Partitions) == 0 {
		if err := l.begin(ctx); err != nil {
			if ctx.Err() != nil {
				l.report.Passes-- // time was over before it could start
			}
			return err
		}
	}
	if err := l.readPartitions(ctx); err != nil {
		return err
	}
	return l.prove(ctx)
}

// begin starts a pass: it resets what each pass counts for itself, takes the fence,
// counts the users, and partitions the list where that was asked for.
func (l *List) begin(ctx context.Context) error {
	if l.progress.Second > maxSeconds {
		return &IncompleteError{Passes: l.report.Passes, Err: errors.New("a second reading does not fit into the time of one slice")}
	}
	l.report.Passes++
	l.report.reset()
	if l.OnRestart != nil && l.progress.Second == 0 {
		l.seen.clear()
		l.OnRestart()
	}
	l.seen.newPass()
	l.resumed = false
	l.fresh = nil
	if l.progress.Second > 0 {
		l.fresh = map[ID]bool{}
	}
	if err := l.takeFence(ctx); err != nil {
		return err
	}
	before, err := l.count(ctx)
	if err != nil {
		return err
	}
	if l.progress.Before = before; before != nil {
		l.seen.reserve(min(*before, maxReserve))
	}
	l.progress.Partitions = make([]partition, 1)
	l.dividing, l.again = 0, 0
	switch n := l.parts(); {
	case n == 1:
	case l.OnRestart == nil:
		l.dividing = n
	default: // nobody waits for the first user
		return l.divide(ctx, n)
	}
	return nil
}

// readPartitions reads what is left of the present pass.
func (l *List) readPartitions(ctx context.Context) error {
	var left []*partition
	for i := range l.progress.Partitions {
		if !l.progress.Partitions[i].Done {
			left = append(left, &l.progress.Partitions[i])
		}
	}
	switch len(left) {
	case 0:
		return nil
	case 1:
		if n := l.dividing; n > 1 {
			l.dividing = 0
			return l.readOrDivide(ctx, n)
		}
		return l.readPartition(ctx, left[0])
	}
	return l.readParallel(ctx, left)
}

// readPartition reads one partition page by page, each user straight from the
// wire.
func (l *List) readPartition(ctx context.Context, p *partition) error {
	pager, err := l.pager(p)
	if err != nil {
		return err
	}
	defer func() { l.report.add(&pager.Stats) }()
	resumed := p.Link != "" || l.resumed // its first page may have been delivered in part
	began := time.Now()
	for page, err := range pager.Pages(ctx) {
		if err != nil {
			return err
		}
		reread := page.Reread || resumed && page.Number == 1
		before := l.seen.marked
		for user, err := range page.Users() {
			if err != nil {
				return err
			}
			if err := l.user(user, reread); err != nil {
				return err
			}
		}
		if err := l.pageDone(p, page.Link(), page.Reread, l.seen.marked-before); err != nil {
			return err
		}
		if l.pauses(time.Since(began)) {
			return ErrPaused
		}
		began = time.Now()
	}
	return nil
}

// pager prepares to read a partition from where it stands.
func (l *List) pager(p *partition) (*graph.Pager, error) {
	request := l.request
	request.Columns = l.columns
	request.Filter = p.filter(request.Filter)
	if l.progress.Second > 0 && !l.progress.Unordered && request.OrderBy == "" && request.Search == "" {
		request.OrderBy = "userPrincipalName desc"
	}
	pager := l.directory.Pager(request.Query())
	if p.Link == "" {
		return pager, nil
	}
	return pager, pager.From(p.Link)
}

// user records a user and delivers one who was not seen before. reread says that
// the page may have been delivered already, so that seeing its users twice means
// nothing.
func (l *List) user(user graph.User, reread bool) error {
	id := NewID(user.ID)
	switch l.seen.add(id) {
	case unseen:
		if l.fresh != nil {
			l.fresh[id] = true
		}
		return l.deliver(id, user)
	case repeated:
		switch {
		case reread:
		case l.again > 0:
			l.again--
		default:
			l.report.Duplicates++
		}
	}
	return nil
}

// pageDone records a fully read page: the partition continues at link. wentBack
// says that the pager had gone back to this page, fresh is how many of its users
// are new in this pass.
func (l *List) pageDone(p *partition, link string, wentBack bool, fresh int) error {
	p.Link, p.Done = link, link == ""
	l.report.Pages++
	l.pages++
	if p.Barren++; fresh > 0 || wentBack {
		p.Barren = 0
	}
	if p.Barren > maxBarren || l.report.Duplicates > l.seen.marked+2*l.pageSize() {
		return &graph.LinkError{Loop: true, Reason: "page after page brings nobody new"}
	}
	return nil
}

// pauses reports whether to leave the list here, before its last page.
func (l *List) pauses(page time.Duration) bool {
	return l.Pause != nil && l.progress.reading() && l.progress.Second == 0 && l.Pause(page)
}
