package api

import (
	"context"

	"github.com/rollcall-dev/rollcall/pkg/failure"
	"github.com/rollcall-dev/rollcall/pkg/list"
)

// withGranted reads what o asks for. Where Graph refuses columns that may be
// missing, it is read without them, now and from here on.
func withGranted[T any](ctx context.Context, a *API, o *options, read func(context.Context, *options) (T, error)) (T, error) {
	answer, err := read(ctx, o)
	if err == nil {
		return answer, nil
	}
	if o.asks() && failure.Of(err).Name == "Graph.BadRequest" {
		return answer, err // it is the caller's expression that Graph refuses
	}
	left, missing, err := list.Granted(ctx, a.directory, o.columns, err)
	if err != nil {
		return answer, err
	}
	a.log.WarnContext(ctx, "Graph refuses optional columns; answers go without them", "columns", missing)
	if !o.narrowed {
		a.columns.Store(&left)
	}
	o.columns = left
	return read(ctx, o)
}
