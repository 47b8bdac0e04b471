package list

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rollcall-dev/rollcall/pkg/graph"
)

const (
	// maxRounds bounds how often changes are drained in a row. A directory that
	// changes all the time never shows an empty round.
	maxRounds = 10
	// idsPerRead is how many ids one filter names: the most that Graph takes in a
	// plain one.
	idsPerRead = 15
	// maxPending bounds how many users are remembered of whom Graph says that they
	// are there and whom it does not list yet.
	maxPending = 1000
)

// fence is what a list learns from Graph's delta query. A delta token is taken
// before the list and drained after it: whoever it names and the list has not seen is
// read and delivered, and who was seen and has left since is counted. So nobody who
// was there throughout is missed, however users come, go and are renamed while the
// list is read.
//
// It grows with the users who leave or are created meanwhile, not with the tenant.
type fence struct {
	// link leads to the changes that were not drained yet, "" before the first drain.
	link string
	// leavers are users whom some pass has seen and who are gone.
	leavers map[ID]bool
	// pending are the ids of users who could not be read yet.
	pending []string
	// asked are the changed users that are to be read by the next request.
	asked []changed
	// moved says that somebody has changed since the fence was taken.
	moved bool
}

// changed is a user whom a change names.
type changed struct {
	id      string
	removed bool
}

// takeFence takes a delta token from which the changes made from now on can be read.
// The token of an earlier pass is kept, for users whom that pass delivered may leave
// before the next one. A tenant without delta queries has no fence.
func (l *List) takeFence(ctx context.Context) error {
	l.fence = fence{leavers: map[ID]bool{}}
	if l.progress.Fence != "" || !l.request.Query().Combines() { // changed users are read by id and filter
		return nil
	}
	var stats graph.Stats
	// What the filter is about is not known here, so with one all changes count.
	var properties []string
	if l.request.everyone() {
		properties = []string{"id", "userPrincipalName"}
	}
	link, err := l.directory.DeltaLink(ctx, properties, &stats)
	l.report.add(&stats)
	var answer *graph.Error
	if errors.As(err, &answer) && answer.RefusesDelta() {
		l.log.InfoContext(ctx, "this tenant has no delta queries; the list is proven by counts alone", "error", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("take a delta token: %w", err)
	}
	l.progress.Fence = link
	return nil
}

// fenced reports whether the present pass has a fence.
func (l *List) fenced() bool { return l.progress.Fence != "" }

// settleTime is how long a list waits for changes that do not show yet, if there were
// any: Graph shows them with a delay that it does not promise.
const settleTime = 10 * time.Second

// drain brings the list up to the changes that have shown since the fence was taken.
func (l *List) drain(ctx context.Context) error {
	if !l.fenced() {
		return nil
	}
	pending := l.fence.pending
	l.fence.pending = nil
	for _, id := range pending {
		if err := l.check(ctx, changed{id: id}); err != nil {
			return err
		}
	}
	for range maxRounds {
		var stats graph.Stats
		changes := 0
		next, err := l.directory.Delta(ctx, cmp.Or(l.fence.link, l.progress.Fence), &stats, func(c graph.Change) error {
			changes++
			return l.change(ctx, c)
		})
		l.report.add(&stats)
		if err != nil {
			return fmt.Errorf("read what has changed meanwhile: %w", err)
		}
		l.fence.link = next
		if changes == 0 {
			break
		}
		l.fence.moved = true
	}
	return l.readChanged(ctx)
}

// change compares a change with what the list knows.
func (l *List) change(ctx context.Context, c graph.Change) error {
	id := NewID(c.ID)
	delete(l.fresh, id)
	removed := c.Removed != ""
	switch {
	case removed && !l.seen.contains(id):
		return nil // never listed
	case !removed && l.request.everyone() && l.seen.has(id):
		return nil // still there
	}
	return l.check(ctx, changed{id: string(c.ID), removed: removed})
}

// check has a changed user read soon, together with others.
func (l *List) check(ctx context.Context, c changed) error {
	l.fence.asked = append(l.fence.asked, c)
	if len(l.fence.asked) < idsPerRead {
		return nil
	}
	return l.readChanged(ctx)
}

// readChanged reads the changed users that have gathered, with the list's own filter:
// a change says what was, and may be late or come twice; this says what is.
func (l *List) readChanged(ctx context.Context) error {
	asked := l.fence.asked
	if l.fence.asked = nil; len(asked) == 0 {
		return nil
	}
	there, err := l.readByID(ctx, asked)
	if err != nil {
		return fmt.Errorf("read the users that have changed meanwhile: %w", err)
	}
	for _, c := range asked {
		id := NewID([]byte(c.id))
		switch {
		case there[id]:
			delete(l.fence.leavers, id)
		case l.seen.contains(id):
			l.seen.unmark(id)
			l.fence.leavers[id] = true
		case !c.removed && l.request.everyone() && len(l.fence.pending) < maxPending:
			l.fence.pending = append(l.fence.pending, c.id)
		}
	}
	return nil
}

// readByID lists the users among those asked for who are there, and delivers those
// whom the list has not seen.
func (l *List) readByID(ctx context.Context, asked []changed) (there map[ID]bool, err error) {
	there = map[ID]bool{}
	quoted := make([]string, len(asked))
	wanted := map[ID]bool{}
	for i, c := range asked {
		quoted[i] = "'" + strings.ReplaceAll(c.id, "'", "''") + "'"
		wanted[NewID([]byte(c.id))] = true
	}
	request := l.request
	request.Columns, request.OrderBy = l.columns, ""
	request.Filter = and(request.Filter, "id in ("+strings.Join(quoted, ",")+")")
	pager := l.directory.Pager(request.Query())
	defer func() { l.report.add(&pager.Stats) }()
	for page, err := range pager.Pages(ctx) {
		if err != nil {
			return nil, err
		}
		for user, err := range page.Users() {
			if err != nil {
				return nil, err
			}
			id := NewID(user.ID)
			if !wanted[id] {
				return nil, &graph.Error{Err: errors.New("Graph returned a user who was not asked for")}
			}
			there[id] = true
			if err := l.user(user, true); err != nil {
				return nil, err
			}
			delete(l.fresh, id)
		}
	}
	return there, nil
}

// and narrows a $filter, which may be "", by further terms.
func and(filter string, terms ...string) string {
	if filter != "" && len(terms) > 0 {
		filter = "(" + filter + ")"
	}
	if filter != "" {
		terms = append([]string{filter}, terms...)
	}
	return strings.Join(terms, " and ")
}
