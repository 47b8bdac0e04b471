package list

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/rollcall-dev/rollcall/pkg/graph"
	"github.com/rollcall-dev/rollcall/pkg/property"
)

// RefusedError reports properties that Graph does not give to this application.
type RefusedError struct {
	// Properties are the refused columns that were not marked optional.
	Properties []string
	// Err is Graph's answer to the first of them.
	Err error
}

// Error names the properties, what each of them needs, and what to do instead.
func (e *RefusedError) Error() string {
	var what []string
	for _, name := range e.Properties {
		if p, ok := property.Lookup(name); ok && p.Needs != "" {
			name += " (it needs " + p.Needs + ")"
		}
		what = append(what, name)
	}
	return fmt.Sprintf("Graph refuses the selected %s: %v; grant it, leave it out of ROLLCALL_SELECT, or write it with a question mark to go on without",
		strings.Join(what, ", "), e.Err)
}

// Name returns the public name of the error: either a permission is missing, or the
// configuration asks for something that does not exist.
func (e *RefusedError) Name() string {
	var answer *graph.Error
	if errors.As(e.Err, &answer) && answer.Status == http.StatusForbidden {
		return answer.Name()
	}
	return "Config.Invalid"
}

// Unwrap returns Graph's answer.
func (e *RefusedError) Unwrap() error { return e.Err }

// refusesRequest reports whether the status is one that Graph gives for a property
// that it cannot or may not return.
func refusesRequest(err error) bool {
	var answer *graph.Error
	if !errors.As(err, &answer) || answer.Continuation {
		return false // on a later page Graph refuses the token
	}
	switch answer.Status {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotImplemented:
		return true
	}
	return false
}

// dropRefused finds out, after the first page was refused, which columns are the
// reason. It returns nil when all of them were optional: the list then continues
// without them.
func (l *List) dropRefused(ctx context.Context, refused error) error {
	left, missing, err := Granted(ctx, l.directory, l.columns, refused)
	if err != nil {
		return err
	}
	l.columns = left
	l.report.MissingColumns = append(l.report.MissingColumns, missing...)
	l.log.WarnContext(ctx, "Graph refuses optional columns; the list continues without them", "columns", missing)
	return nil
}

// PageReader reads one page; *graph.Client is one.
type PageReader interface {
	Page(ctx context.Context, q graph.Query, skipToken string) (*graph.Page, error)
}

// Granted finds out which columns Graph refuses, after it refused a page of them
// with err, by asking for each of them alone. (Graph's message names them, but only
// its codes are contractual.) It returns the columns that are left and the optional
// ones that are missing. The error is a [RefusedError] when a column is refused that
// was not optional, and err itself when no column is the reason.
func Granted(ctx context.Context, d PageReader, columns []property.Column, err error) (left []property.Column, missing []string, _ error) {
	if !refusesRequest(err) {
		return nil, nil, err
	}
	switch alone := probe(ctx, d, property.Column{Name: "id"}); {
	case alone != nil && !refusesRequest(alone):
		return nil, nil, alone
	case alone != nil:
		return nil, nil, err
	}
	refused := RefusedError{}
	for _, c := range columns {
		switch err := probe(ctx, d, c); {
		case err == nil:
			left = append(left, c)
		case !refusesRequest(err):
			return nil, nil, err
		case c.Optional:
			missing = append(missing, c.Name)
		default:
			refused.Properties = append(refused.Properties, c.Name)
			if refused.Err == nil {
				refused.Err = err
			}
		}
	}
	if refused.Err != nil {
		return nil, nil, &refused
	}
	if missing == nil {
		return nil, nil, err
	}
	return left, missing, nil
}

// probe asks for one user with one column.
func probe(ctx context.Context, d PageReader, c property.Column) error {
	page, err := d.Page(ctx, Request{Columns: []property.Column{c}, PageSize: 1}.Query(), "")
	if err != nil {
		return err
	}
	page.Close()
	return nil
}
