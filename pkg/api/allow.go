package api

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/list"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// Columns returns the names of the columns that callers may read at present: those of the
// configuration, without the optional ones that Graph has refused. It is safe for concurrent
// use.
func (a *API) Columns() []string { return columnNames(*a.columns.Load()) }

// find returns the column that a caller names, in whatever case.
func find(columns []property.Column, name string) (property.Column, bool) {
	for _, c := range columns {
		if strings.EqualFold(c.Name, name) {
			return c, true
		}
	}
	return property.Column{}, false
}

// parseSelect returns the allowed columns that names lists, in the caller's order.
func parseSelect(allowed []property.Column, names string) ([]property.Column, error) {
	var columns []property.Column
	for name := range strings.SplitSeq(names, ",") {
		c, ok := find(allowed, strings.TrimSpace(name))
		if !ok {
			return nil, notAllowed("$select", strings.TrimSpace(name), allowed)
		}
		if !slices.Contains(columns, c) {
			columns = append(columns, c)
		}
	}
	return columns, nil
}

// expression is what package odata has parsed.
type expression interface {
	Properties() []string
	Rename(rename func(name string) string)
	String() string
}

// restrict makes sure that an expression names allowed columns only, since a
// caller can find out the value of every property that it may name, and gives
// the columns their proper spelling. The manager is not a property but another
// user, so no expression may name it. err is the error of parsing e.
func restrict[E expression](allowed []property.Column, option string, e E, err error) (string, error) {
	if err != nil {
		return "", failure.InvalidRequest(err.Error())
	}
	for _, name := range e.Properties() {
		if c, ok := find(allowed, name); !ok || c.Name == property.Manager {
			return "", notAllowed(option, name, allowed)
		}
	}
	e.Rename(func(name string) string {
		c, _ := find(allowed, name)
		return c.Name
	})
	return e.String(), nil
}

func notAllowed(option, name string, allowed []property.Column) error {
	what := printable(name)
	if where, ok := property.Within(name); ok {
		what += ", which is a member of " + where
	}
	return failure.InvalidRequest(fmt.Sprintf("%s may not name %s; it can name %s", option, what, strings.Join(columnNames(allowed), ", ")))
}

func columnNames(columns []property.Column) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	return names
}

// withoutRefused calls read and, where Graph refuses optional columns, calls it
// once more without them. Later requests do not ask for them either.
func withoutRefused[T any](ctx context.Context, a *API, o *options, read func(context.Context, *options) (T, error)) (T, error) {
	result, err := read(ctx, o)
	if err == nil {
		return result, nil
	}
	if o.hasExpression() && failure.Of(err).Name == "Graph.BadRequest" {
		return result, err // it is the caller's expression that Graph refuses
	}
	granted, missing, err := list.Granted(ctx, a.directory, o.columns, err)
	if err != nil {
		return result, err
	}
	a.log.WarnContext(ctx, "Graph refuses optional columns; responses omit them", "columns", missing)
	if !o.selected {
		a.columns.Store(&granted)
	}
	o.columns = granted
	return read(ctx, o)
}
