package changes

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// everybody compares the mirror with the whole tenant, and publishes how they differ. It is
// the one procedure behind the kinds Baseline, Resync, Reconcile and Reselect: take a delta
// link, list everybody (proven), read the deleted users, then what has changed meanwhile,
// and compare shard by shard. Whoever is absent is asked for by id before that is believed.
func (r *run) everybody(ctx context.Context, kind string, emit bool) error {
	r.result.Kind = kind
	if err := r.held(); err != nil {
		return err
	}
	s := &spill{dir: r.f.TempDir}
	defer s.close()
	cols, latest, err := r.latest(ctx)
	if err != nil {
		return err
	}
	if cols, err = r.list(ctx, s, cols); err != nil {
		return err
	}
	if err := r.listDeleted(ctx, s, cols); err != nil {
		return err
	}
	explained, err := r.explain(ctx, s, cols, kind)
	if err != nil {
		return err
	}
	next, _, err := r.drain(ctx, s, cols, latest, graph.DeltaOptions{})
	if err != nil {
		return fmt.Errorf("read what has changed meanwhile: %w", err)
	}
	t := r.newTurn(kind, next, columnsOf(r.f.Request.Columns), cols)
	t.Proven = true
	if kind == Baseline {
		if t.Compared = nil; emit {
			t.Compared = columns{}
		}
	}
	if err := r.compare(ctx, t, s, explained); err != nil {
		return err
	}
	return r.deliver(ctx, t)
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
func (r *run) list(ctx context.Context, s *spill, cols columns) (columns, error) {
	request := r.f.Request
	request.Columns = slices.DeleteFunc(slices.Clone(request.Columns), func(c property.Column) bool { return c.Name != "id" && !cols.has(c.Name) })
	l := list.New(r.f.Directory, request, r.f.Log)
	l.OnRestart = s.reset
	users := 0
	err := l.Read(ctx, func(_ list.ID, u graph.User) error {
		if users++; r.f.Watch != nil && users%1024 == 0 {
			r.f.Watch(l.Report())
		}
		return s.add(shardOf(u.ID), listed, cols.appendObject(nil, u.ID, cols.fields(u.Raw), omitted))
	})
	if err != nil {
		return nil, err
	}
	missing := columns(l.Report().MissingColumns)
	return slices.DeleteFunc(slices.Clone(cols), missing.has), nil
}

// listDeleted reads the users who were deleted and can be restored.
func (r *run) listDeleted(ctx context.Context, s *spill, cols columns) error {
	q := cols.query()
	q.Top = r.f.Request.PageSize
	for page, err := range r.f.Directory.DeletedPager(q).Pages(ctx) {
		if err != nil {
			return fmt.Errorf("list deleted users: %w", err)
		}
		for u, err := range page.Users() {
			if err == nil {
				err = s.add(shardOf(u.ID), restorable, cols.appendObject(nil, u.ID, cols.fields(u.Raw), omitted))
			}
			if err != nil {
				return fmt.Errorf("list deleted users: %w", err)
			}
		}
	}
	return nil
}

// explain reads the changes since the last turn, which say for whom a difference between
// the mirror and the list is no drift. It reports false where nobody can say that.
func (r *run) explain(ctx context.Context, s *spill, cols columns, kind string) (bool, error) {
	if kind == Baseline || kind == Resync {
		return false, nil
	}
	_, _, err := r.drain(ctx, s, cols, r.p.Link, graph.DeltaOptions{})
	var answer *graph.Error
	if errors.As(err, &answer) && answer.PageToken() {
		r.f.Log.WarnContext(ctx, "the delta link is no longer valid; what has changed is found by comparison alone", "error", err)
		return false, nil
	}
	return err == nil, err
}

// compare writes the shards that become others.
func (r *run) compare(ctx context.Context, t *turn, s *spill, explained bool) error {
	all := make([]int, shardCount)
	for i := range all {
		all[i] = i
	}
	for i := range all {
		before, err := r.records(ctx, i, &r.p.Shards[i])
		if err != nil {
			return err
		}
		w, err := newWork(before, r.p.Columns, t.Columns, s, i)
		if err != nil {
			return err
		}
		if err := r.confirm(ctx, w, w.doubtful(explained)); err != nil {
			return fmt.Errorf("read users by id before they are taken for deleted: %w", err)
		}
		o := w.finish(r.writer, r.head(i), explained)
		if err := r.writeShard(ctx, t, i, o, all); err != nil {
			return err
		}
		if same := r.p.Shards[i]; !o.changed && !slices.Equal(r.p.Columns, t.Columns) {
			same.Values = o.shard.Values
			t.Shards[i] = same
		}
	}
	return nil
}
