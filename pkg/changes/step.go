package changes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
)

// advance does what comes next in a comparison: a step, or the part of one that can be
// parked. Its error is [list.ErrPaused] where the time is over. Whatever a part has read
// when it fails may be read again.
func (s *slice) advance(ctx context.Context) error {
	switch s.c.Step {
	case listing:
		return s.list(ctx)
	case deleting:
		return s.listDeleted(ctx)
	case explaining:
		return s.explain(ctx)
	case draining:
		return s.drainRest(ctx)
	case comparing:
		return s.compareShard(ctx)
	}
	return s.begin(ctx)
}

// enter begins the next step.
func (s *slice) enter(next step) {
	s.c.Step, s.c.Next = next, ""
	s.done++
}

// begin takes the delta link from before everything else.
func (s *slice) begin(ctx context.Context) (err error) {
	if s.c.Columns, s.c.Link, err = s.latest(ctx); err != nil {
		return err
	}
	s.c.Request = slices.Clone(s.f.Request.Columns)
	state := list.NewState(s.c.list(s.f.Request))
	s.c.List, s.c.Step = &state, listing
	return nil
}

// latest takes a delta link from now on, and finds out which columns Graph tracks.
func (r *run) latest(ctx context.Context) (cols columns, link string, err error) {
	var stats graph.Stats
	cols = columnsOf(r.f.Request.Columns)
	link, err = r.f.Directory.DeltaLink(ctx, cols.tracked(), &stats)
	var answer *graph.Error
	if !errors.As(err, &answer) || !answer.RefusesDelta() {
		return cols, link, err
	}
	refused := err
	if _, err := r.f.Directory.DeltaLink(ctx, []string{"id"}, &stats); err != nil {
		if errors.As(err, &answer) && answer.RefusesDelta() && answer.Status != http.StatusForbidden {
			return nil, "", &NoDeltaError{Err: err}
		}
		return nil, "", err
	}
	left, wanted := columns{}, []string{}
	for _, c := range r.f.Request.Columns {
		if c.Name == "id" {
			continue
		}
		_, err := r.f.Directory.DeltaLink(ctx, columns{c.Name}.tracked(), &stats)
		switch {
		case err == nil:
			left = append(left, c.Name)
		case !errors.As(err, &answer) || !answer.RefusesDelta():
			return nil, "", err
		case !c.Optional:
			wanted = append(wanted, c.Name)
		}
	}
	if len(wanted) > 0 {
		return nil, "", &InputError{Field: "ROLLCALL_SELECT", name: "Config.Invalid", Reason: fmt.Sprintf(
			"has %s, whose changes Graph does not track: %v; leave it out, or write it with a question mark to go on without", strings.Join(wanted, ", "), refused)}
	}
	if len(left) == len(cols) {
		return nil, "", refused
	}
	link, err = r.f.Directory.DeltaLink(ctx, left.tracked(), &stats)
	return left, link, err
}

// list reads everybody. The columns that are left are those that the list has, too.
func (s *slice) list(ctx context.Context) error {
	l := list.New(s.f.Directory, s.c.list(s.f.Request), s.f.Log)
	l.OnRestart = func() {
		s.spill.Reset()
		s.c.Spill = nil
	}
	l.Pause = s.pauses
	if err := l.Resume(*s.c.List, s.spill.ids()); err != nil {
		return err
	}
	users, cols, object := 0, s.c.Columns, []byte(nil)
	err := l.Read(ctx, func(_ list.ID, u graph.User) error {
		if users++; s.f.Watch != nil && users%1024 == 0 {
			s.f.Watch(l.Report())
		}
		object = cols.appendObject(object[:0], u.ID, cols.fields(u.Raw), omitted)
		return s.spill.add(shardOf(u.ID), listed, object)
	})
	state := l.State()
	s.c.List = &state
	s.done += l.Pages()
	if err != nil {
		return err
	}
	s.c.List, s.c.Columns = nil, slices.DeleteFunc(slices.Clone(cols), columns(state.Report.MissingColumns).has)
	s.enter(deleting)
	return nil
}

// listDeleted reads the users who were deleted and can be restored.
func (s *slice) listDeleted(ctx context.Context) error {
	cols := s.c.Columns
	q := cols.query()
	q.Top = s.f.Request.PageSize
	pager := s.f.Directory.DeletedPager(q)
	if s.c.Next != "" {
		if err := pager.From(s.c.Next); err != nil {
			return fmt.Errorf("list deleted users: %w", err)
		}
	}
	pause := s.pages()
	for page, err := range pager.Pages(ctx) {
		if err != nil {
			return fmt.Errorf("list deleted users: %w", err)
		}
		for u, err := range page.Users() {
			if err == nil {
				err = s.spill.add(shardOf(u.ID), restorable, cols.appendObject(nil, u.ID, cols.fields(u.Raw), omitted))
			}
			if err != nil {
				return fmt.Errorf("list deleted users: %w", err)
			}
		}
		s.c.Next = page.Link()
		s.done++
		if over := pause(); over && s.c.Next != "" {
			return list.ErrPaused
		}
	}
	s.enter(explaining)
	return nil
}

// explain reads the changes since the last turn, which say for whom a difference between
// the mirror and the list is no drift, where anybody can say that.
func (s *slice) explain(ctx context.Context) error {
	if s.c.Kind == Baseline || s.c.Kind == Resync {
		s.enter(draining)
		return nil
	}
	next, paused, err := s.drainSome(ctx, cmp.Or(s.c.Next, s.p.Link))
	switch {
	case expired(err):
		s.f.Log.WarnContext(ctx, "the delta link is no longer valid; what has changed is found by comparison alone", "error", err)
	case err != nil:
		return err
	case paused:
		s.c.Next = next
		return nil
	default:
		s.c.Explained = true
	}
	s.enter(draining)
	return nil
}

// drainRest reads what has changed since the comparison began.
func (s *slice) drainRest(ctx context.Context) error {
	next, paused, err := s.drainSome(ctx, s.c.Link)
	if err != nil {
		return fmt.Errorf("read what has changed meanwhile: %w", err)
	}
	if s.c.Link = next; paused {
		return nil
	}
	t := s.newTurn(s.c.Kind, next, columnsOf(s.c.Request), s.c.Columns)
	t.Proven = true
	if t.Kind == Baseline {
		if t.Compared = nil; s.c.Emit {
			t.Compared = columns{}
		}
	}
	s.c.Turn = t
	s.enter(comparing)
	return nil
}

// drainSome reads changes, as many as a turn takes at most.
func (s *slice) drainSome(ctx context.Context, link string) (next string, paused bool, err error) {
	before, pause := s.spill.Entries(), s.pages()
	next, paused, err = s.drain(ctx, s.spill, s.c.Columns, link, graph.DeltaOptions{Pause: func() bool {
		return pause() || s.spill.Entries()-before >= maxEntries
	}})
	if err == nil {
		s.done++
	}
	return next, paused, err
}

// compareShard writes the next shard, if it becomes another one.
func (s *slice) compareShard(ctx context.Context) error {
	i, t := s.c.Shard, s.c.Turn
	before, err := s.records(ctx, i, &s.p.Shards[i])
	if err != nil {
		return err
	}
	w, err := newWork(before, s.p.Columns, t.Columns, s.spill, i)
	if err != nil {
		return err
	}
	if err := s.confirm(ctx, w, w.doubtful(s.c.Explained)); err != nil {
		return fmt.Errorf("read users by id before they are taken for deleted: %w", err)
	}
	var left []int
	for other := i; other < shardCount; other++ {
		left = append(left, other)
	}
	o := w.finish(s.writer, s.head(i), s.c.Explained)
	if err := s.writeShard(ctx, t, i, o, left); err != nil {
		return err
	}
	if same := s.p.Shards[i]; !o.changed && !slices.Equal(s.p.Columns, t.Columns) {
		same.Values = o.shard.Values
		t.Shards[i] = same
	}
	s.c.Shard++
	s.done++
	return nil
}
